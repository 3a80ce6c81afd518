/** Invocations with long bodies: each runs without a slot, up to a limit of its own. */
export class Streams {
  #count = 0;

  /** @param max invocations at the same time on this node */
  constructor(readonly max: number) {}

  /** Lets one more run; undefined at the limit. Disposing it ends that. */
  take(): Disposable | undefined {
    if (this.#count >= this.max) return undefined;
    this.#count++;
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (isTaken) this.#count--;
        isTaken = false;
      },
    };
  }
}
