import { Sema } from "async-sema";

/** Hands out a bounded number of slots in the order of the requests. */
export class BoundedSlots {
  readonly #slots: Sema;

  constructor(size: number) {
    this.#slots = new Sema(size);
  }

  /**
   * Waits for a slot; disposing it releases it.
   *
   * @throws the reason of `signal` once it is aborted
   */
  async acquire(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const granted = this.#slots.acquire();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([granted, aborted]);
    } catch (error) {
      // An aborted request keeps its position: its slot goes to the next request.
      void granted.then(() => this.#slots.release());
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return { [Symbol.dispose]: () => this.#slots.release() };
  }
}
