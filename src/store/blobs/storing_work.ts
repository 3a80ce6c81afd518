/**
 * Work under way that stores blobs whose rows are not written yet: a collection must not treat these blobs as
 * unreferenced.
 */
export class StoringWork {
  readonly #underWay = new Set<Promise<unknown>>();

  async run<T>(work: () => Promise<T>): Promise<T> {
    const storing = work();
    this.#underWay.add(storing);
    try {
      return await storing;
    } finally {
      this.#underWay.delete(storing);
    }
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /** Resolves once all that is under way now has ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
  }
}
