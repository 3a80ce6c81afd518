interface Waiting {
  readonly holder: string;
  readonly grant: () => void;
}

/**
 * A bounded number of slots for several holders. A holder gets a further slot only while it holds fewer than are free: the
 * first one gets half of all, the next half of the rest. So a holder that keeps its slots leaves some for the others.
 */
export class FairSlots {
  #free: number;
  readonly #held = new Map<string, number>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();

  constructor(size: number) {
    this.#free = size;
  }

  /**
   * Waits for a slot; disposing it releases it.
   * @throws the reason of `signal` once it is aborted
   */
  async acquire(holder: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#mayHold(holder)) this.#take(holder);
    else await this.#wait(holder, signal);
    return { [Symbol.dispose]: () => this.#release(holder) };
  }

  #mayHold(holder: string): boolean {
    return (this.#held.get(holder) ?? 0) < this.#free;
  }

  #take(holder: string): void {
    this.#free--;
    this.#held.set(holder, 1 + (this.#held.get(holder) ?? 0));
  }

  #wait(holder: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      this.#waiting.delete(waiting);
      reject(signal.reason);
    };
    const waiting: Waiting = {
      holder,
      grant: () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      },
    };
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting.add(waiting);
    return promise;
  }

  #release(holder: string): void {
    this.#free++;
    const held = (this.#held.get(holder) ?? 1) - 1;
    if (held === 0) this.#held.delete(holder);
    else this.#held.set(holder, held);
    for (const waiting of this.#waiting) {
      if (!this.#mayHold(waiting.holder)) continue;
      this.#waiting.delete(waiting);
      this.#take(waiting.holder);
      waiting.grant();
    }
  }
}
