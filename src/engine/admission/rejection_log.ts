import { getLogger } from "@logtape/logtape";
import type { EngineLoad } from "../contract.ts";

const logger = getLogger(["invoked", "engine"]);

/** Time without a rejection after which the log says that all invocations are admitted again. */
const QUIET_MS = 10_000;

/** Logs the begin and the end of a period of rejections: one line each, whatever their number. */
export class RejectionLog implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  #lastAt = 0;

  /** Counts a rejection under this load. */
  count({ running, queued, perSecond }: EngineLoad): void {
    this.#count++;
    this.#lastAt = performance.now();
    if (this.#timer !== undefined) return;
    logger.warn("Rejects invocations with 429: {running} run and {queued} wait", {
      running,
      queued,
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
    logger.warn("Admits all invocations again; {count} were rejected", { count: this.#count });
    this.#timer = undefined;
    this.#count = 0;
  }
}
