import { ApiError } from "../client/api_error.ts";
import { Unreachable } from "../client/http.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { note } from "../terminal/output.ts";

/** Runs the steps of a deploy one after another. If one fails or the user interrupts it, it says what was done. */
export class Steps {
  readonly #done: string[] = [];
  #current: string | undefined;

  constructor(private readonly signal: AbortSignal) {}

  /**
   * Runs a step.
   * @param what the step in the form of `uploading the files`
   * @param done what is said of it if a later step fails, such as `function hello was created`
   * @throws {Failure} if the user interrupts it
   */
  async run<T>(what: string, work: () => Promise<T>, done?: (result: T) => string): Promise<T> {
    this.#current = what;
    const interrupted = Promise.withResolvers<never>();
    const interrupt = () => interrupted.reject(this.#interruption());
    this.signal.addEventListener("abort", interrupt, { once: true });
    try {
      if (this.signal.aborted) throw this.#interruption();
      const result = await Promise.race([work(), interrupted.promise]);
      if (done !== undefined) this.#done.push(done(result));
      return result;
    } finally {
      this.signal.removeEventListener("abort", interrupt);
    }
  }

  /** Prints what was done before a failure, and how to continue. */
  report(error: unknown): void {
    const isOpen = mayHaveHappened(error) || this.signal.aborted;
    const done = [
      ...this.#done,
      ...isOpen && this.#current !== undefined
        ? [`perhaps ${this.#current}: no answer says so`]
        : [],
    ];
    note(
      done.length === 0
        ? "Nothing was changed"
        : `Done: ${
          oneLine(done.join("; "))
        }. Deploy again to continue: it makes only what is missing`,
    );
  }

  #interruption(): Failure {
    return new Failure(`Interrupted while ${this.#current}`, { exit: "interrupted" });
  }
}

/** Whether the server may have done what was requested, although no answer says so. */
export function mayHaveHappened(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiError && error.status >= 500);
}
