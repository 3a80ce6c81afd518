import type { InvocationSubscription } from "./contract.ts";

/** Tells followers that something was recorded of an invocation. Carries no data: they read the store. */
export class InvocationNotifier {
  readonly #followers = new Map<string, Set<() => void>>();

  /** Wakes everybody who follows the invocation. */
  notify(invocationId: string): void {
    for (const wake of this.#followers.get(invocationId) ?? []) wake();
  }

  follow(invocationId: string): InvocationSubscription {
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    const followers = this.#followers.get(invocationId) ?? new Set();
    followers.add(wake);
    this.#followers.set(invocationId, followers);
    return {
      async next(timeoutMs) {
        const timer = setTimeout(wake, timeoutMs);
        await news.promise;
        clearTimeout(timer);
        news = Promise.withResolvers<void>();
      },
      [Symbol.dispose]: () => {
        followers.delete(wake);
        if (followers.size === 0) this.#followers.delete(invocationId);
        wake();
      },
    };
  }
}
