import { getLogger } from "@logtape/logtape";
import type { EngineLoad } from "../contract.ts";

const logger = getLogger(["invoked", "engine"]);

/** After so long without a refusal the server says that it takes all calls again. */
const QUIET_MS = 10_000;

/** Says in the log when the engine begins to refuse calls, and when that is over: a line each, for any number of them. */
export class RejectionLog implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  #lastAt = 0;

  /** A call was refused, under this load. */
  count({ running, waiting, perSecond }: EngineLoad): void {
    this.#count++;
    this.#lastAt = performance.now();
    if (this.#timer !== undefined) return;
    logger.warn("Refuses calls with 429: {running} run and {waiting} wait", {
      running,
      waiting,
      perSecond,
    });
    this.#watch(QUIET_MS);
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#end();
  }

  #watch(afterMs: number): void {
    const timer = setTimeout(() => {
      const leftMs = this.#lastAt + QUIET_MS - performance.now();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#end();
    }, afterMs);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #end(): void {
    logger.warn("Refuses no more calls; {count} were refused", { count: this.#count });
    this.#timer = undefined;
    this.#count = 0;
  }
}
