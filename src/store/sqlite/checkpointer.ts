/**
 * Keeps the log of a SQLite database short, beside the event loop: a checkpoint syncs two files and would block every
 * request meanwhile.
 */
import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { BetweenTransactions } from "../dialect.ts";
import { errcodeOf, StoreThread } from "./thread.ts";

/** Time from a write to its checkpoint, which includes all later writes of that time. */
const INTERVAL_MS = 1000;
/**
 * Frames (pages of 4 KiB) at which the log restarts. SQLite restarts it when a writer finds it checkpointed as a
 * whole, which never happens under constant writes: so the last checkpoint runs between two transactions.
 */
const FRAMES_MAX = 4096;

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
  #timer: ReturnType<typeof setTimeout> | undefined;
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
    if (!this.#lifecycle.is("idle")) return;
    this.#lifecycle.set("scheduled");
    this.#timer = setTimeout(() => this.#working = this.#work(), INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Ends the thread, and waits until its connection is closed. */
  async close(): Promise<void> {
    this.#lifecycle.set("closed");
    clearTimeout(this.#timer);
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
      throw Object.assign(new Error(`Cannot move the log into ${this.#file}: ${reason}`), {
        errcode: errcodeOf(error),
      });
    }
  }
}
