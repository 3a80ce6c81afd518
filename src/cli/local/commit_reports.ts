import type { Api } from "../client/api.ts";
import { pause } from "../../shared/pause.ts";
import type { Diagnostics, LoadReport, TypeCheck } from "../client/commit_schemas.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { Failure } from "../terminal/failure.ts";

/** Pauses between looks at a commit that the server still checks or loads. */
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 1000;

/** What is reported of a commit. */
interface Reporter {
  /** Called with errors, once they are gone, and for a check without a result. */
  types(commitId: string, check: TypeCheck): void;
  /** Called with the warnings of a build that has warnings. */
  warnings(commitId: string, warnings: Diagnostics): void;
  /** Called when the report differs from the report of the commit before. */
  load(commitId: string, report: LoadReport): void;
}

/**
 * Reports the warnings, the type check and the load report of one commit after another, without delay to anything else:
 * the server makes them in the background. A newer commit ends the wait for an older commit.
 */
export class CommitReports implements Disposable {
  #waiting = new AbortController();
  /** Whether the last report had errors. */
  #hadErrors = false;
  /** The last report on a load, without its time. */
  #lastLoad = "";

  constructor(private readonly api: Api, private readonly reporter: Reporter) {}

  /** Waits in the background for the reports on a commit. */
  follow(fn: RemoteFunction, commitId: string): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
    this.#wait(fn, commitId, this.#waiting.signal).catch((error) => {
      // The run itself reports a server that is gone.
      if (!(error instanceof Failure)) throw error;
    });
  }

  [Symbol.dispose](): void {
    this.#waiting.abort();
  }

  async #wait(fn: RemoteFunction, commitId: string, signal: AbortSignal): Promise<void> {
    let [isChecked, isLoaded] = [false, false];
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
      const { typeCheck, warnings, loadReport } = await this.api.commit(fn, commitId);
      if (signal.aborted) return;
      if (warnings.length > 0 && pauseMs === FIRST_PAUSE_MS) {
        this.reporter.warnings(commitId, warnings);
      }
      if (!isChecked && typeCheck?.state !== "PENDING") {
        this.#checked(commitId, typeCheck);
        isChecked = true;
      }
      if (!isLoaded && loadReport?.state !== "LOAD_STATE_PENDING") {
        this.#loaded(commitId, loadReport);
        isLoaded = true;
      }
      if (isChecked && isLoaded) return;
      await pause(pauseMs, signal);
      if (signal.aborted) return;
    }
  }

  #checked(commitId: string, check: TypeCheck | undefined): void {
    if (check?.reason !== undefined) return this.reporter.types(commitId, check);
    if (check?.state !== "CHECKED") return;
    const hasErrors = check.diagnostics.length > 0;
    if (hasErrors || this.#hadErrors) this.reporter.types(commitId, check);
    this.#hadErrors = hasErrors;
  }

  #loaded(commitId: string, report: LoadReport | undefined): void {
    if (report === undefined) return;
    const { loadTime: _differs, ...lasting } = report;
    const load = JSON.stringify(lasting);
    if (load !== this.#lastLoad) this.reporter.load(commitId, report);
    this.#lastLoad = load;
  }
}
