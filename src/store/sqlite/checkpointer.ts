/**
 * Keeps the log of a SQLite database short, beside the event loop: a checkpoint syncs two files and would block every
 * request meanwhile.
 */
import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { BetweenTransactions } from "../dialect.ts";
import { Pace } from "./pace.ts";
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
  readonly #file: string;
  readonly #thread: StoreThread<"checkpoint", number>;
  readonly #betweenTransactions: BetweenTransactions;
  readonly #onError: (error: unknown) => void;
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
    file: string,
    betweenTransactions: BetweenTransactions,
    onError: (error: unknown) => void,
  ) {
    this.#file = file;
    this.#thread = new StoreThread(new URL("./checkpoint_thread.ts", import.meta.url), file);
    this.#betweenTransactions = betweenTransactions;
    this.#onError = onError;
  }

  /** Schedules a checkpoint for a write. A write during a checkpoint is left to the next call. */
  schedule(): void {
    if (this.#lifecycle.is("idle")) this.#lifecycle.set("scheduled");
    if (!this.#lifecycle.is("scheduled")) return;
    this.#pace.count(!this.#pace.hasRun && sizeOfLog(this.#file) >= LARGE_LOG_BYTES);
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
        await this.#betweenTransactions(async () => {
          await this.#checkpoint();
        });
      }
    } catch (error) {
      // The writer's own connection runs the checkpoint of a log that has become far too long.
      logger.error("The log of the database stays long: {error}", { error });
      this.#onError(error);
    }
    if (this.#lifecycle.is("working")) this.#lifecycle.set("idle");
  }

  /** Runs a checkpoint and returns the number of frames in the log. */
  async #checkpoint(): Promise<number> {
    try {
      return await this.#thread.request("checkpoint");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw Object.assign(new Error(`the log was not moved into ${this.#file}: ${reason}`), {
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
