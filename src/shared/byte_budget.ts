interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

/** An amount of memory that is shared, in bytes. Those who ask get theirs in the order in which they ask. */
export class ByteBudget {
  #takenBytes = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(readonly limitBytes: number) {}

  /** Whether somebody waits. */
  get isWanted(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether these bytes are free, and nobody waits before. */
  hasNow(bytes: number): boolean {
    return !this.isWanted && this.#fits(bytes);
  }

  /**
   * Takes bytes, at once if nobody waits and they are free; gives them back when disposed.
   * @param bytes at most the limit
   * @returns undefined if the signal aborts before
   */
  async take(bytes: number, signal: AbortSignal): Promise<Disposable | undefined> {
    if (signal.aborted) return undefined;
    if (!this.hasNow(bytes)) {
      if (!await this.#wait(bytes, signal)) return undefined;
    } else {
      this.#takenBytes += bytes;
    }
    const taken = new DisposableStack();
    taken.defer(() => {
      this.#takenBytes -= bytes;
      this.#grant();
    });
    return taken;
  }

  #fits(bytes: number): boolean {
    return this.#takenBytes + bytes <= this.limitBytes;
  }

  #wait(bytes: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = () => {
      this.#waiting.delete(waiting);
      resolve(false);
      // The one behind may fit.
      this.#grant();
    };
    const waiting: Waiting = {
      bytes,
      grant: () => {
        signal.removeEventListener("abort", giveUp);
        resolve(true);
      },
    };
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting.add(waiting);
    return promise;
  }

  #grant(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) return;
      this.#waiting.delete(waiting);
      this.#takenBytes += waiting.bytes;
      waiting.grant();
    }
  }
}
