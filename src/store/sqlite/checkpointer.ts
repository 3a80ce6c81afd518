/**
 * Keeps the log of a SQLite database short, beside the event loop: a checkpoint syncs two files and would block every
 * request meanwhile.
 */
import { getLogger } from "@logtape/logtape";
import { threadModule } from "../../shared/installation.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { BetweenTransactions } from "../dialect.ts";
import { errcodeOf, StoreThread } from "./thread.ts";

/**
 * Frames (pages of 4 KiB) at which the log restarts. SQLite restarts it when a writer finds it checkpointed as a
 * whole, which never happens under constant writes: so the last checkpoint runs between two transactions.
 */
const FRAMES_MAX = 4096;

/** A log of this size is not left to a later checkpoint. */
const LARGE_LOG_BYTES = 4 * 1024 * 1024;

const logger = getLogger(["invoked", "store"]);

/**
 * Makes checkpoints of one database while it is written to.
 *
 * Modes: `idle`; `scheduled` for a checkpoint; `working` on one; `closed`.
 * Transitions: idle → scheduled → working → idle, each → closed.
 */
export class Checkpointer {
  readonly #thread: StoreThread<"checkpoint", number>;
  readonly #lifecycle = new Lifecycle("checkpointer", "idle", {
    idle: ["scheduled", "closed"],
    scheduled: ["working", "closed"],
    working: ["idle", "closed"],
    closed: [],
  });
  readonly #pace = new Pace(() => this.#working = this.#work());
  /** The last checkpoint. */
  #working: Promise<void> | undefined;

  constructor(
    private readonly file: string,
    private readonly betweenTransactions: BetweenTransactions,
    private readonly onError: (error: unknown) => void,
  ) {
    this.#thread = new StoreThread(threadModule("src/store/sqlite/checkpoint_thread.ts"), file);
  }

  /** Schedules a checkpoint for a write. A write during a checkpoint is left to the next call. */
  schedule(): void {
    if (this.#lifecycle.is("idle")) this.#lifecycle.set("scheduled");
    if (!this.#lifecycle.is("scheduled")) return;
    this.#pace.count(!this.#pace.hasRun && sizeOfLog(this.file) >= LARGE_LOG_BYTES);
  }

  /** Ends the thread, and waits until its connection is closed. */
  async close(): Promise<void> {
    this.#lifecycle.set("closed");
    this.#pace.stop();
    await this.#working;
    await this.#thread.close();
  }

  async #work(): Promise<void> {
    this.#lifecycle.set("working");
    try {
      if (await this.#checkpoint() >= FRAMES_MAX) {
        await this.betweenTransactions(async () => {
          await this.#checkpoint();
        });
      }
    } catch (error) {
      // The writer's own connection runs the checkpoint of a log that has become far too long.
      logger.error("The log of the database stays long: {error}", { error });
      this.onError(error);
    }
    if (this.#lifecycle.is("working")) this.#lifecycle.set("idle");
  }

  /** Runs a checkpoint and returns the number of frames in the log. */
  async #checkpoint(): Promise<number> {
    try {
      return await this.#thread.request("checkpoint");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw Object.assign(new Error(`the log was not moved into ${this.file}: ${reason}`), {
        errcode: errcodeOf(error),
      });
    }
  }
}

/** Path of the write-ahead log of a database. */
export function logOf(file: string): string {
  return `${file}-wal`;
}

function sizeOfLog(file: string): number {
  return Deno.statSync(logOf(file)).size;
}

/** Time from a write to its maintenance, which includes all later writes of that time. */
const INTERVAL_MS = 1000;
/**
 * The same before the first run, while there are few writes: a thread for maintenance costs 20 ms of processor time to
 * start, and the memory of its engine, which servers save that live for a few seconds.
 */
const FIRST_INTERVAL_MS = 10_000;
/** Transactions that bring the first run forward. */
export const BUSY_WRITES = 64;

/** When the maintenance of a database runs after writes: a timer that a write starts. */
export class Pace {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writes = 0;
  /** Whether it has run: then each write starts the same interval. */
  hasRun = false;
  /** Whether the timer waits for the first interval, so that many writes bring it forward. */
  #isFirst = false;

  /** @param run called at the end of each interval */
  constructor(private readonly run: () => void) {}

  /** Counts a write, and starts the timer unless it runs. @param isLarge whether its maintenance is not to wait long */
  count(isLarge: boolean): void {
    const isBusy = this.hasRun || isLarge || ++this.#writes >= BUSY_WRITES;
    if (this.#timer === undefined) {
      this.start(isBusy ? INTERVAL_MS : FIRST_INTERVAL_MS);
      this.#isFirst = !isBusy;
    } else if (isBusy && this.#isFirst) {
      this.start(INTERVAL_MS);
    }
  }

  /** Restarts the timer. */
  start(ms: number): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.hasRun = true;
      this.run();
    }, ms);
    Deno.unrefTimer(this.#timer);
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isFirst = false;
  }
}
