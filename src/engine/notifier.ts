/** A subscription to one invocation. */
export interface InvocationSubscription extends Disposable {
  /** Resolves when something was recorded since the last call, or after `timeoutMs`. */
  next(timeoutMs: number): Promise<void>;
}

/** Notifies subscribers that something of an invocation was recorded. It carries no data: subscribers read the store. */
export class InvocationNotifier {
  readonly #subscribers = new Map<string, Set<() => void>>();

  /** Wakes the subscribers of the invocation. */
  notify(invocationId: string): void {
    for (const wake of this.#subscribers.get(invocationId) ?? []) wake();
  }

  subscribe(invocationId: string): InvocationSubscription {
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    const subscribers = this.#subscribers.get(invocationId) ?? new Set();
    subscribers.add(wake);
    this.#subscribers.set(invocationId, subscribers);
    return {
      async next(timeoutMs) {
        const timer = setTimeout(wake, timeoutMs);
        await news.promise;
        clearTimeout(timer);
        news = Promise.withResolvers<void>();
      },
      [Symbol.dispose]: () => {
        subscribers.delete(wake);
        if (subscribers.size === 0) this.#subscribers.delete(invocationId);
        wake();
      },
    };
  }
}
