/** The server's side of the thread that searches. */
import { getLogger } from "@logtape/logtape";
import { threadModule } from "../../../shared/installation.ts";
import { Lifecycle } from "../../../shared/lifecycle.ts";
import type { FoundPage, InvocationSearch, RowFilter } from "../../dialect.ts";
import { Pace } from "../checkpointer.ts";
import { StoreThread } from "../thread.ts";
import type { SearchFiles } from "./index_file.ts";
import type { PassResult } from "./indexer.ts";
import type { SearchRequest } from "./search_thread.ts";

/** Time from a pass that failed to the next. */
const RETRY_MS = 60_000;

const logger = getLogger(["invoked", "store"]);

/**
 * Searches in a thread, which also indexes what was written.
 *
 * Modes: `idle`; `scheduled` for a pass; `working` on passes; `closed`.
 * Transitions: idle → scheduled → working → idle or scheduled, each → closed.
 */
export class ThreadSearch implements InvocationSearch {
  readonly #thread: StoreThread<SearchRequest, FoundPage | PassResult>;
  readonly #lifecycle = new Lifecycle("text index", "idle", {
    idle: ["scheduled", "closed"],
    scheduled: ["working", "closed"],
    working: ["idle", "scheduled", "closed"],
    closed: [],
  });
  readonly #pace = new Pace(() => this.#working = this.#pass());
  /** The last pass. */
  #working: Promise<void> | undefined;

  /** @param forget makes the queue of the index forget the entries before this one */
  constructor(files: SearchFiles, private readonly forget: (sequence: number) => Promise<void>) {
    this.#thread = new StoreThread(threadModule("src/store/sqlite/search/search_thread.ts"), files);
  }

  async find(filter: RowFilter): Promise<FoundPage> {
    return await this.#thread.request(filter) as FoundPage;
  }

  /** Schedules a pass for a write. */
  schedule(): void {
    if (this.#lifecycle.is("idle")) this.#lifecycle.set("scheduled");
    if (this.#lifecycle.is("scheduled")) this.#pace.count(false);
  }

  /** Ends the thread. What is not indexed then is indexed after the next start. */
  async close(): Promise<void> {
    this.#lifecycle.set("closed");
    this.#pace.stop();
    await this.#working;
    await this.#thread.close();
  }

  async #pass(): Promise<void> {
    this.#lifecycle.set("working");
    const start = performance.now();
    let nextMs: number | undefined;
    try {
      const { more, sequence } = await this.#thread.request("index") as PassResult;
      await this.forget(sequence);
      // A long history is indexed in half of the time of one processor.
      if (more) nextMs = performance.now() - start;
    } catch (error) {
      // Searches read what the index does not have.
      logger.error("Failed to index invocations for searches: {error}", { error });
      nextMs = RETRY_MS;
    }
    if (!this.#lifecycle.is("working")) return;
    this.#lifecycle.set(nextMs === undefined ? "idle" : "scheduled");
    if (nextMs !== undefined) this.#pace.start(nextMs);
  }
}
