/** Notifies whoever follows an invocation. */
import { EventEmitter } from "node:events";

/** Carries notifications between nodes. They may be lost: whoever waits for one looks again after a time. */
interface NotificationRelay {
  publish(invocationId: string): void;
  /** Calls `wake` for each notification of another node. */
  subscribe(invocationId: string, wake: () => void): Disposable;
}

/** Notifies subscribers that something of an invocation was recorded. It carries no data: subscribers read the store. */
export class InvocationNotifier {
  /** Emits the id of an invocation to its subscribers on this node. */
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #relayed = new Map<string, Disposable>();

  constructor(
    /** To other nodes, if there may be any. */
    private readonly relay?: NotificationRelay,
  ) {}

  /** Wakes the subscribers of the invocation, on every node. */
  notify(invocationId: string): void {
    this.#news.emit(invocationId);
    this.relay?.publish(invocationId);
  }

  /** A subscription to one invocation. */
  subscribe(invocationId: string) {
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    this.#news.on(invocationId, wake);
    if (this.relay !== undefined && !this.#relayed.has(invocationId)) {
      const relayed = this.relay.subscribe(invocationId, () => this.#news.emit(invocationId));
      this.#relayed.set(invocationId, relayed);
    }
    return {
      /** Resolves when something was recorded since the last call, or after `timeoutMs`. */
      async next(timeoutMs: number): Promise<void> {
        const timer = setTimeout(wake, timeoutMs);
        await news.promise;
        clearTimeout(timer);
        news = Promise.withResolvers<void>();
      },
      [Symbol.dispose]: () => {
        this.#news.off(invocationId, wake);
        if (this.#news.listenerCount(invocationId) === 0) {
          this.#relayed.get(invocationId)?.[Symbol.dispose]();
          this.#relayed.delete(invocationId);
        }
        wake();
      },
    };
  }
}
