import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import type { LoadAnswer, LoadReport, LoadReporter } from "../../engine/load_reporter.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import { VERSION } from "../../shared/installation.ts";
import { pause } from "../../shared/pause.ts";
import type { CommitRow, LoadColumns } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../ownership/contract.ts";

const logger = getLogger(["invoked", "domain"]);

/** Delay of the report on a new commit: its author is likely to invoke the function first. */
const PAUSE_MS = 500;
/** Attempts for one commit, when this machine or a worker fails. */
const ATTEMPTS_MAX = 3;
/** Pause before a further attempt. */
const RETRY_PAUSE_MS = 2_000;
/** Pause while nothing runs invocations: workers may come. */
const LATER_MS = 30_000;
/** Commits that this process has requested a report for, or has none for. */
const REQUESTED_MAX = 10_000;

/** What is known of the loading of a commit's script. */
type CommitLoad =
  | { readonly state: "PENDING" }
  | { readonly state: "REPORTED"; readonly report: LoadReport };

/** A report as it is stored, with the version of the server that made it. */
type StoredReport = LoadReport & { readonly version: string };

/** What is known of a commit; undefined without a report that is wanted. */
export function commitLoad(
  { loadState, loadReport, purgedAt }: CommitRow,
): CommitLoad | undefined {
  // A node of an earlier version purges without the report.
  if (loadState === null || purgedAt !== null) return undefined;
  if (loadReport === null || isOutdated(loadReport)) return { state: "PENDING" };
  return { state: "REPORTED", report: JSON.parse(loadReport) as StoredReport };
}

/** Whether another version of the server made the report: it may have another runtime, or other reviewed packages. */
function isOutdated(loadReport: string): boolean {
  return (JSON.parse(loadReport) as StoredReport).version !== VERSION;
}

/**
 * Gets a report on the loading of each new commit's script, one after another; of commits of earlier versions once they are
 * published or invoked, and again once a commit is read whose report an earlier version made. The newest commit comes first: its author may wait. Pending reports are rows of the store, so that
 * a restart loses none. Disposing it ends the running one; the next start repeats it.
 */
export class LoadReports implements AsyncDisposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> | undefined;
  /** The time before which no report is requested, by the monotonic clock. */
  #laterUntilMs = 0;
  readonly #stopping = new AbortController();
  readonly #requested = new LRUCache<string, true>(entriesUpTo(REQUESTED_MAX));

  constructor(
    private readonly store: Store,
    private readonly reporter: LoadReporter,
    private readonly node: Node,
  ) {
    // Other nodes write commits, too.
    node.onHeartbeat(() => this.schedule());
    node.pause.onEnd(() => this.schedule());
  }

  /** Call it after a commit was written. */
  schedule(): void {
    if (this.#stopping.signal.aborted || !this.node.holds("housekeeping")) return;
    if (this.#timer !== undefined) return;
    const delayMs = Math.max(PAUSE_MS, this.#laterUntilMs - performance.now());
    this.#timer = setTimeout(() => {
      // After the running one: it may have read the store before the last commit was written.
      this.#timer = undefined;
      this.#working = (this.#working ?? Promise.resolve()).then(() => this.#work());
    }, delayMs);
  }

  /** Requests the report of a commit without one. Not waited for, and never in the way of the caller. */
  request({ id, loadState, finalizedAt, purgedAt }: CommitRow): void {
    if (loadState === null && finalizedAt !== null && purgedAt === null) this.#request(id, null);
  }

  /** Requests another report on a commit that is read, if an earlier version of the server made its report. */
  renew({ id, loadReport, purgedAt }: CommitRow): void {
    if (loadReport !== null && purgedAt === null && isOutdated(loadReport)) {
      this.#request(id, loadReport);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }

  /** Once a process for each commit: what invocations of it cannot have now must not be requested by each. */
  #request(id: string, known: string | null): void {
    const key = known === null ? id : `${id} again`;
    if (this.#requested.has(key)) return;
    this.#requested.set(key, true);
    // What the server notes of a commit is no change by the principal of the request.
    void this.store.auditScopes.outside(async () => {
      try {
        await this.store.write((tx) => tx.commits.wantLoad(id, known), "committed");
        this.schedule();
      } catch (error) {
        this.#requested.delete(key);
        logger.debug("No report was requested for commit {id}: {error}", { id, error });
      }
    });
  }

  async #work(): Promise<void> {
    try {
      while (!this.#stopping.signal.aborted) {
        const commit = await this.store.read.commits.nextUnloaded();
        if (commit === undefined) return;
        const columns = await this.#load(commit);
        if (this.#stopping.signal.aborted) return;
        if (columns === undefined) return this.#later();
        // An invocation of this commit must not request it again at once.
        if (columns.loadState === null) this.#requested.set(commit.id, true);
        await this.store.write((tx) => tx.commits.putLoad(commit.id, columns));
      }
    } catch (error) {
      logger.error("The reports on the loading of commits have stopped", { error });
      // At once, unless the store cannot write: an error of another kind must not repeat for ever.
      const { health } = this.store;
      if (health.error !== undefined) health.available().then(() => this.schedule());
    }
  }

  #later(): void {
    this.#laterUntilMs = performance.now() + LATER_MS;
    this.schedule();
  }

  /** What is recorded; undefined if it has to wait. */
  async #load(commit: CommitRow): Promise<LoadColumns | undefined> {
    const { signal } = this.#stopping;
    for (let attempt = 1;; attempt++) {
      const answer = await this.#attempt(commit);
      if (answer?.kind === "later") return undefined;
      if (answer?.kind === "reported") {
        const report: StoredReport = { ...answer.report, version: VERSION };
        return { loadState: "REPORTED", loadReport: JSON.stringify(report) };
      }
      const isFinal = answer?.kind === "unavailable" || attempt === ATTEMPTS_MAX;
      if (isFinal || signal.aborted) return { loadState: null, loadReport: null };
      await pause(RETRY_PAUSE_MS, signal);
    }
  }

  /** Undefined if it failed. */
  async #attempt(
    { id, scriptDigest, sourceMapDigest, memoryBytes }: CommitRow,
  ): Promise<LoadAnswer | undefined> {
    if (scriptDigest === null || sourceMapDigest === null) return { kind: "unavailable" };
    try {
      const request = { scriptDigest, sourceMapDigest, memoryBytes: memoryBytes ?? undefined };
      return await this.reporter.report(request, this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) {
        logger.warn("Commit {id} was not loaded for a report: {error}", { id, error });
      }
      return undefined;
    }
  }
}
