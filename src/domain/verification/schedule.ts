import { getLogger } from "@logtape/logtape";
import type { Store } from "../../store/mod.ts";
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
 * {@link RETRY_MS}. Disposing it ends the verification under way.
 */
export class VerificationSchedule implements AsyncDisposable {
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /** @param intervalMs 0 for no verification */
  constructor(
    private readonly store: Store,
    private readonly node: Pick<Node, "holds">,
    private readonly intervalMs: number,
    private readonly run: RunVerification,
  ) {
    if (intervalMs === 0) return;
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_MS_MAX, intervalMs));
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  #look(): void {
    if (!this.node.holds("housekeeping")) return;
    this.#running ??= this.#runIfDue().catch((error) => {
      if (this.#stopping.signal.aborted) return;
      logger.error("Failed to verify the stored data: {error}", { error });
    }).finally(() => this.#running = undefined);
  }

  async #runIfDue(): Promise<void> {
    const { store } = this;
    const last = await store.read.verifications.last();
    const beganAt = new Date().toISOString();
    if (last === undefined) {
      // New data is due after the interval, however often its server starts.
      return await store.write((tx) =>
        tx.verifications.put({ beganAt, endedAt: beganAt, damages: null })
      );
    }
    const agoMs = Date.now() - Date.parse(last.beganAt);
    const waitMs = last.endedAt === null ? Math.min(RETRY_MS, this.intervalMs) : this.intervalMs;
    // A time that is not past yet comes from a clock that was set back since.
    if (agoMs >= 0 && agoMs < waitMs) return;
    await store.write((tx) => tx.verifications.put({ beganAt, endedAt: null, damages: null }));
    const damages = await this.run(this.#stopping.signal);
    const endedAt = new Date().toISOString();
    await store.write((tx) =>
      tx.verifications.put({ beganAt, endedAt, damages: JSON.stringify(damages) })
    );
    if (damages.length === 0) return logger.info("All stored data is whole");
    for (const damage of damages.slice(0, LOGGED_MAX)) {
      store.damage.add({ kind: "verification", message: damage });
    }
    logger.error("The verification found {count} damages; invoked verify names what is lost", {
      count: damages.length,
    });
  }
}
