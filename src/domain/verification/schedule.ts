import { getLogger } from "@logtape/logtape";
import type { Store } from "../../store/mod.ts";
import type { VerificationRow } from "../../store/verifications.ts";
import type { Node } from "../ownership/contract.ts";

const logger = getLogger(["invoked", "domain"]);

/** Longest time between two looks for a verification that is due. */
const LOOK_MS_MAX = 10 * 60 * 1000;
/** Time after which a verification begins again that failed or that a stop ended, if the interval is longer. */
const RETRY_MS = 60 * 60 * 1000;
/** Damages with a line each in the log. */
const LOGGED_MAX = 20;

/** Verifies all data, in another process. @returns what is damaged, in words @throws if nothing was verified */
export type RunVerification = (signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Verifies all data at intervals, on one node. A verification that failed, or that a stop has ended, is repeated after
 * {@link RETRY_MS}. Every node knows what the last complete one found. Disposing it ends the verification under way.
 */
export class VerificationSchedule implements AsyncDisposable {
  readonly #stopping = new AbortController();
  #timer: ReturnType<typeof setInterval> | undefined;
  #running: Promise<void> | undefined;
  #damages: readonly string[] = [];

  private constructor(
    private readonly store: Store,
    private readonly node: Pick<Node, "holds">,
    private readonly intervalMs: number,
    private readonly run: RunVerification,
  ) {}

  /** @param intervalMs 0 for no verification */
  static async open(
    store: Store,
    node: Pick<Node, "holds">,
    intervalMs: number,
    run: RunVerification,
  ): Promise<VerificationSchedule> {
    const schedule = new VerificationSchedule(store, node, intervalMs, run);
    await schedule.#readLast();
    if (intervalMs > 0) {
      schedule.#timer = setInterval(() => schedule.#look(), Math.min(LOOK_MS_MAX, intervalMs));
      schedule.#look();
    }
    return schedule;
  }

  /** What the last complete verification found, in words. */
  get damages(): readonly string[] {
    return this.#damages;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  #look(): void {
    this.#running ??= this.#runIfDue().catch((error) => {
      if (this.#stopping.signal.aborted) return;
      logger.error("Failed to verify the stored data: {error}", { error });
    }).finally(() => this.#running = undefined);
  }

  /** Another node may have verified the data since. */
  async #readLast() {
    const last = await this.store.read.verifications.last();
    this.#damages = JSON.parse(last?.damages ?? "[]");
    return last;
  }

  async #runIfDue(): Promise<void> {
    const last = await this.#readLast();
    if (!this.node.holds("housekeeping")) return;
    const beganAt = new Date().toISOString();
    if (last === undefined) {
      // New data is due after the interval, however often its server starts.
      return await this.#put({ beganAt, endedAt: beganAt, damages: null });
    }
    const agoMs = Date.now() - Date.parse(last.beganAt);
    const waitMs = last.endedAt === null ? Math.min(RETRY_MS, this.intervalMs) : this.intervalMs;
    // A time that is not past yet comes from a clock that was set back since.
    if (agoMs >= 0 && agoMs < waitMs) return;
    await this.#put({ beganAt, endedAt: null, damages: last.damages });
    const damages = await this.run(this.#stopping.signal);
    const endedAt = new Date().toISOString();
    await this.#put({ beganAt, endedAt, damages: JSON.stringify(damages) });
    this.#damages = damages;
    report(damages);
  }

  #put(row: VerificationRow): Promise<void> {
    return this.store.write((tx) => tx.verifications.put(row));
  }
}

function report(damages: readonly string[]): void {
  if (damages.length === 0) return logger.info("All stored data is whole");
  for (const damage of damages.slice(0, LOGGED_MAX)) {
    logger.error("Stored data is damaged: {damage}; restore it from a backup", { damage });
  }
  logger.error("The verification found {count} damages; invoked verify names what is lost", {
    count: damages.length,
  });
}
