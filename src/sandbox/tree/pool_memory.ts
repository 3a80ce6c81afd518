/** The memory of script templates, of which the trees of all memory classes share one limit: `--pool-memory`. */

/** The templates of one script, with their instances that wait. */
export interface Held {
  readonly bytes: number;
  /** When an invocation used it last, by `performance.now()`. */
  readonly usedMs: number;
  /** Whether it is provisioned, and so is not given up for others. */
  readonly isKept: boolean;
  giveUp(): void;
}

/** Script templates of one zygote. */
export interface Holder {
  /** Memory of templates that are being made. */
  readonly makingBytes: number;
  /** The templates of all scripts but this one, if the script is one of this holder's. */
  held(exceptKey?: string): readonly Held[];
}

/** Knows the script templates of all zygotes. */
export class PoolMemory {
  readonly #holders = new Set<Holder>();

  constructor(private readonly limitBytes: number) {}

  /** Counts the templates of a zygote until the disposal of the returned value. */
  count(holder: Holder): Disposable {
    this.#holders.add(holder);
    return { [Symbol.dispose]: () => void this.#holders.delete(holder) };
  }

  /**
   * The memory in bytes that is left beside everything but the templates of one script of one zygote; negative if none is.
   * @param isGivenUp whether that which is not provisioned counts as given up
   */
  left(asking: Holder, key: string, isGivenUp: boolean): number {
    let used = 0;
    for (const holder of this.#holders) {
      used += holder.makingBytes;
      for (const { bytes, isKept } of holder.held(holder === asking ? key : undefined)) {
        if (isKept || !isGivenUp) used += bytes;
      }
    }
    return this.limitBytes - used;
  }

  /** What may be given up for a script of one zygote, the longest unused first. */
  givable(asking: Holder, key: string): readonly (Held & { readonly isOwn: boolean })[] {
    return [...this.#holders].flatMap((holder) => {
      const isOwn = holder === asking;
      return holder.held(isOwn ? key : undefined).filter(({ isKept }) => !isKept)
        .map((held) => ({ ...held, giveUp: () => held.giveUp(), isOwn }));
    }).toSorted((a, b) => a.usedMs - b.usedMs);
  }
}
