/**
 * Functions that crash often. All forks of a zygote share one address layout, and each crash may show an attacker a little
 * of it. So the calls of such a function start processes of their own, each with a layout that nothing else has.
 */
import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { formatDuration } from "../../config/mod.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import type { Exit } from "../instance/process.ts";

/** Crashes within the window from which a function crashes often. */
export const CRASHES_MAX = 3;
const WINDOW_MS = 3_600_000;
/** Most functions whose crashes are counted. */
const COUNTED_MAX = 10_000;

/**
 * How a process ends whose memory or code is not what it expects. They count whatever the process printed: a function
 * may print the words of any error. Running out of memory ends V8 with SIGTRAP, which counts for nothing.
 */
const CRASH_SIGNALS: ReadonlySet<string> = new Set([
  "SIGSEGV",
  "SIGBUS",
  "SIGILL",
  "SIGABRT",
  "SIGFPE",
  "SIGSYS",
]);

const logger = getLogger(["invoked", "sandbox"]);

/** Counts the crashes of each function. */
export class Crashes {
  /** The times of the last crashes by function, at most {@link CRASHES_MAX}. */
  readonly #times = new LRUCache<string, readonly number[]>(entriesUpTo(COUNTED_MAX));

  /** Whether the last {@link CRASHES_MAX} crashes of the function are within the window. */
  areFrequent(functionKey: string): boolean {
    const times = this.#times.get(functionKey);
    return times?.length === CRASHES_MAX && performance.now() - (times[0] ?? 0) < WINDOW_MS;
  }

  /**
   * A process that ran a call of this function has ended. The end of its template counts, too: whoever has broken out of
   * V8 may have ended it. That of the zygote does not: the next zygote has another layout.
   */
  note(functionKey: string, { signal, lost }: Exit): void {
    const isCrash = signal !== null && CRASH_SIGNALS.has(signal);
    if (!isCrash && lost !== "template" && lost !== "script") return;
    const wereFrequent = this.areFrequent(functionKey);
    const times = this.#times.get(functionKey) ?? [];
    this.#times.set(functionKey, [...times, performance.now()].slice(-CRASHES_MAX));
    if (wereFrequent || !this.areFrequent(functionKey)) return;
    logger.warn(
      "function {functionKey} crashed {count} times within {window}, last with {signal}: " +
        "its invocations are not forked until it crashes less often",
      {
        functionKey,
        count: CRASHES_MAX,
        window: formatDuration(WINDOW_MS),
        signal: isCrash ? signal : "the end of its template",
      },
    );
  }
}
