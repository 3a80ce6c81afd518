import type { Api } from "../client/api.ts";
import { pause } from "../../shared/pause.ts";
import type { Diagnostics, RemoteFunction, TypeCheck } from "../client/schemas.ts";
import { Failure } from "../terminal/failure.ts";

/** Pauses between looks at a check that has not ended. */
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 1000;

/** What is reported of a commit. */
interface Reporter {
  /** Called with errors, once they are gone, and for a check without a result. */
  types(commitId: string, check: TypeCheck): void;
  /** Called with the warnings of a build that has warnings. */
  warnings(commitId: string, warnings: Diagnostics): void;
}

/**
 * Reports the warnings and type checks of one commit after another, without delay to anything else: the server checks
 * types in the background. A newer commit ends the wait for an older commit.
 */
export class TypeReports implements Disposable {
  readonly #api: Api;
  readonly #reporter: Reporter;
  #waiting = new AbortController();
  /** Whether the last report had errors. */
  #hadErrors = false;

  constructor(api: Api, reporter: Reporter) {
    this.#api = api;
    this.#reporter = reporter;
  }

  /** Waits in the background for the check of a commit. */
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
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
      const { typeCheck, warnings } = await this.#api.commit(fn, commitId);
      if (signal.aborted) return;
      if (warnings.length > 0 && pauseMs === FIRST_PAUSE_MS) {
        this.#reporter.warnings(commitId, warnings);
      }
      if (typeCheck?.state !== "PENDING") return this.#ended(commitId, typeCheck);
      await pause(pauseMs, signal);
      if (signal.aborted) return;
    }
  }

  #ended(commitId: string, check: TypeCheck | undefined): void {
    if (check?.reason !== undefined) return this.#reporter.types(commitId, check);
    if (check?.state !== "CHECKED") return;
    const hasErrors = check.diagnostics.length > 0;
    if (hasErrors || this.#hadErrors) this.#reporter.types(commitId, check);
    this.#hadErrors = hasErrors;
  }
}
