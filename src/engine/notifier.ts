/** A subscription to one invocation. */
interface InvocationSubscription extends Disposable {
  /** Resolves when something was recorded since the last call, or after `timeoutMs`. */
  next(timeoutMs: number): Promise<void>;
}

/** Carries notifications between nodes. They may be lost: whoever waits for one looks again after a time. */
interface NotificationRelay {
  publish(invocationId: string): void;
  /** Calls `wake` for each notification of another node. */
  subscribe(invocationId: string, wake: () => void): Disposable;
}

/** Notifies subscribers that something of an invocation was recorded. It carries no data: subscribers read the store. */
export class InvocationNotifier {
  readonly #subscribers = new Map<string, Set<() => void>>();
  /** To other nodes, if there may be any. */
  readonly #relay: NotificationRelay | undefined;
  readonly #relayed = new Map<string, Disposable>();

  constructor(relay?: NotificationRelay) {
    this.#relay = relay;
  }

  /** Wakes the subscribers of the invocation, on every node. */
  notify(invocationId: string): void {
    this.#wake(invocationId);
    this.#relay?.publish(invocationId);
  }

  subscribe(invocationId: string): InvocationSubscription {
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    const subscribers = this.#subscribers.get(invocationId) ?? new Set();
    subscribers.add(wake);
    this.#subscribers.set(invocationId, subscribers);
    if (this.#relay !== undefined && !this.#relayed.has(invocationId)) {
      const relayed = this.#relay.subscribe(invocationId, () => this.#wake(invocationId));
      this.#relayed.set(invocationId, relayed);
    }
    return {
      async next(timeoutMs) {
        const timer = setTimeout(wake, timeoutMs);
        await news.promise;
        clearTimeout(timer);
        news = Promise.withResolvers<void>();
      },
      [Symbol.dispose]: () => {
        subscribers.delete(wake);
        const isLast = this.#subscribers.get(invocationId) === subscribers;
        if (isLast && subscribers.size === 0) this.#forget(invocationId);
        wake();
      },
    };
  }

  #wake(invocationId: string): void {
    for (const wake of this.#subscribers.get(invocationId) ?? []) wake();
  }

  #forget(invocationId: string): void {
    this.#subscribers.delete(invocationId);
    this.#relayed.get(invocationId)?.[Symbol.dispose]();
    this.#relayed.delete(invocationId);
  }
}
