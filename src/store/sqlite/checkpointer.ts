/**
 * Keeps the log of a SQLite database short, beside the event loop: a checkpoint syncs two files, and would hold up
 * every request for as long.
 */
import { Worker } from "node:worker_threads";
import { getLogger } from "@logtape/logtape";

/** Time from a write to the checkpoint that moves it, with all others of that time. */
const INTERVAL_MS = 1000;
/**
 * Frames (pages of 4 KiB) from which on the log is begun anew. SQLite does that once a writer finds all of it moved,
 * which under constant writes it would never be: so the writer rests for the last of it.
 */
const FRAMES_MAX = 4096;

const logger = getLogger(["invoked", "store"]);

/** Asks the thread to close its connection, and is its answer. */
export const CLOSE = "close";

/** What the thread answers to any other message: how long the log is, or why nothing was moved. */
export type CheckpointReply = { readonly frames: number } | { readonly error: string };

/** Runs work while nothing is written. */
export type BetweenTransactions = (work: () => Promise<void>) => Promise<void>;

/** Makes checkpoints of one database while it is written to. */
export class Checkpointer {
  readonly #file: string;
  readonly #quietly: BetweenTransactions;
  #thread: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> | undefined;
  #isClosed = false;

  constructor(file: string, quietly: BetweenTransactions) {
    this.#file = file;
    this.#quietly = quietly;
  }

  /** Something was written. */
  note(): void {
    if (this.#isClosed || this.#timer !== undefined || this.#working !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#working = this.#work().finally(() => this.#working = undefined);
    }, INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Ends the thread, and waits until its connection is closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#working;
    const thread = this.#thread;
    if (thread === undefined) return;
    const closed = Promise.withResolvers<unknown>();
    for (const event of ["message", "error", "exit"]) thread.once(event, closed.resolve);
    thread.ref();
    thread.postMessage(CLOSE);
    await closed.promise;
    await thread.terminate();
  }

  async #work(): Promise<void> {
    try {
      if (await this.#checkpoint() < FRAMES_MAX) return;
      await this.#quietly(async () => {
        await this.#checkpoint();
      });
    } catch (error) {
      // The writer's own connection moves a log that has become far too long.
      logger.error("Cannot move what was written from the log to the database: {error}", { error });
    }
  }

  /** Answers how many frames the log has. */
  async #checkpoint(): Promise<number> {
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const { promise, resolve, reject } = Promise.withResolvers<CheckpointReply>();
    const onExit = () => reject(new Error("its thread has ended"));
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", onExit);
    thread.ref();
    try {
      thread.postMessage("checkpoint");
      const done = await promise;
      if ("error" in done) throw new Error(done.error);
      return done.frames;
    } finally {
      thread.off("message", resolve);
      thread.off("error", reject);
      thread.off("exit", onExit);
      // A thread that waits keeps nobody from ending.
      thread.unref();
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL("./checkpoint_thread.ts", import.meta.url), {
      workerData: this.#file,
    });
    thread.once("exit", () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }
}
