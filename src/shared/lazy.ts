/** A value that is computed when it is first needed. */

/**
 * Computes a value once. Uses at the same time share one computation. A computation that rejects is forgotten: whoever
 * needs the value next computes it again.
 */
export class Lazy<Value> {
  #held: Promise<Value> | undefined;

  constructor(private readonly compute: () => Promise<Value>) {}

  /** The value. Rejects as its computation does. */
  get(): Promise<Value> {
    if (this.#held !== undefined) return this.#held;
    const computing = this.#held = this.compute();
    computing.catch(() => this.#held = undefined);
    return computing;
  }

  /** The value, or its computation under way; undefined before the first one and after one that rejected. */
  get held(): Promise<Value> | undefined {
    return this.#held;
  }
}
