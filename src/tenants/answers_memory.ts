/** Memory for large answers of tenants, which each answer takes as it arrives. */

/** Memory that an answer takes at once. */
const STEP_BYTES = 1024 * 1024;

interface Limits {
  /** Of all answers together. */
  readonly bytes: number;
  /** Of the answers of one tenant. */
  readonly tenantBytes: number;
  /** Of the answers of one function. */
  readonly callerBytes: number;
  /** Of one answer. */
  readonly answerBytes: number;
}

/**
 * The answers that share a limit. Invariant: the answer that has the most bytes can be read to its end, so answers that
 * wait for each other's memory never block each other.
 */
class Pool {
  readonly shares = new Set<AnswerShare>();
  #takenBytes = 0;

  constructor(private readonly limitBytes: number, private readonly answerBytesMax: number) {}

  /** Whether the invariant holds once an answer has so many bytes more. */
  canGrow(share: AnswerShare, bytes: number): boolean {
    const mostBytes = this.shares.values()
      .reduce((most, other) => Math.max(most, other.bytes), share.bytes + bytes);
    return this.limitBytes - this.#takenBytes - bytes >= this.answerBytesMax - mostBytes;
  }

  /** @param bytes negative for what is given back */
  add(bytes: number): void {
    this.#takenBytes += bytes;
  }
}

/** The memory for the answers of all tenants. */
export class AnswersMemory {
  readonly #all: Pool;
  /** Try again to grow, in the order in which they began to wait. */
  readonly #waiting = new Set<() => void>();

  constructor(private readonly limits: Limits) {
    this.#all = new Pool(limits.bytes, limits.answerBytes);
  }

  /** The memory of one tenant: makes the shares of its answers, each for a caller. */
  ofTenant(): (caller: string) => AnswerShare {
    const { tenantBytes, callerBytes, answerBytes } = this.limits;
    const tenant = new Pool(tenantBytes, answerBytes);
    const callers = new Map<string, Pool>();
    return (name) => {
      const pool = callers.get(name) ?? new Pool(callerBytes, answerBytes);
      callers.set(name, pool);
      return new AnswerShare([this.#all, tenant, pool], answerBytes, this.#waiting, () => {
        if (pool.shares.size === 0) callers.delete(name);
      });
    };
  }
}

/** What one answer has taken. Disposing it gives it back. */
export class AnswerShare implements Disposable {
  #bytes = 0;

  /** @param waiting of all answers */
  constructor(
    private readonly pools: readonly Pool[],
    private readonly bytesMax: number,
    private readonly waiting: Set<() => void>,
    private readonly onDisposed: () => void,
  ) {
    for (const { shares } of pools) shares.add(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Waits until the share has at least so many bytes, of which an answer has no more than its limit.
   * @throws the reason of `signal` once it is aborted
   */
  async growTo(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (bytes <= this.#bytes) return;
    const target = Math.min(this.bytesMax, STEP_BYTES * Math.ceil(bytes / STEP_BYTES));
    if (this.#grow(target)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const retry = () => void (this.#grow(target) && resolve());
    const giveUp = () => reject(signal.reason);
    this.waiting.add(retry);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      this.waiting.delete(retry);
      signal.removeEventListener("abort", giveUp);
    }
  }

  [Symbol.dispose](): void {
    for (const pool of this.pools) {
      if (pool.shares.delete(this)) pool.add(-this.#bytes);
    }
    this.#bytes = 0;
    this.onDisposed();
    for (const retry of this.waiting) retry();
  }

  #grow(target: number): boolean {
    const bytes = target - this.#bytes;
    if (!this.pools.every((pool) => pool.canGrow(this, bytes))) return false;
    for (const pool of this.pools) pool.add(bytes);
    this.#bytes = target;
    return true;
  }
}
