import { getLogger } from "@logtape/logtape";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { pause } from "../../shared/pause.ts";
import type { Ownership } from "../ownership/contract.ts";

const logger = getLogger(["invoked", "domain"]);

/** Shortest pause between two looks, for work that cannot begin yet. */
const PAUSE_MIN_MS = 50;
/** Pause after a look that failed. */
const FAILURE_PAUSE_MS = 1_000;

/** What of due work begins at once: the reads and writes of more would delay those of requests. */
export const BEGUN_AT_ONCE = 4;

/** Work that has a time. What is unique about it is unique in the store: the node that runs it may change at any time. */
export interface DueWork {
  /** Names it in the log of the server. */
  readonly name: string;
  /** When something of it is due next; undefined if nothing is. */
  nextAt(): Promise<Date | undefined>;
  /** Begins what is due. What it leaves is due again. */
  runDue(now: Date): Promise<void>;
}

/**
 * Begins work at its time, on the node that holds the lease `schedules`. One timer serves all work.
 *
 * Modes: `idle` until it is started; `running`; `stopped`. Transitions: idle → running → stopped, idle → stopped.
 */
export class Scheduler implements AsyncDisposable {
  readonly #work: DueWork[] = [];
  readonly #stopping = new AbortController();
  readonly #lifecycle = new Lifecycle<"idle" | "running" | "stopped">("the scheduler", "idle", {
    idle: ["running", "stopped"],
    running: ["stopped"],
    stopped: [],
  });
  #woken = new AbortController();
  #running: Promise<void> | undefined;

  /** @param isOpen false once the server takes no more invocations */
  constructor(private readonly ownership: Ownership, private readonly isOpen: () => boolean) {}

  /** Adds work, before the start. */
  register(work: DueWork): void {
    this.#work.push(work);
  }

  start(): void {
    this.#lifecycle.set("running");
    this.#running = this.#run();
  }

  /** Looks again at once: something has a new time. */
  wake(): void {
    this.#woken.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifecycle.set("stopped");
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const woken = this.#woken = new AbortController();
      const waits = await Promise.all(this.#work.map((work) => this.#look(work)));
      const waitMs = Math.min(this.ownership.pollMs, ...waits);
      await pause(Math.max(PAUSE_MIN_MS, waitMs), woken.signal);
    }
  }

  /** Begins what is due; answers the time until something is due next, in milliseconds. */
  async #look(work: DueWork): Promise<number> {
    if (!this.ownership.node.holds("schedules") || !this.isOpen()) return Infinity;
    try {
      const next = await work.nextAt();
      if (next === undefined) return Infinity;
      const now = new Date();
      if (next > now) return next.getTime() - now.getTime();
      await work.runDue(now);
      const later = await work.nextAt();
      return later === undefined ? Infinity : later.getTime() - Date.now();
    } catch (error) {
      if (this.#stopping.signal.aborted) return Infinity;
      logger.error("Failed to start due work ({work}): {error}", { work: work.name, error });
      return FAILURE_PAUSE_MS;
    }
  }
}
