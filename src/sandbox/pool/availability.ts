/**
 * Whether instances can be started at all, and the reason if they cannot. `/readyz` shows the reason without a token, so
 * the reason names no path. Also decides whether the instances of a function may be forked.
 */
import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { formatDuration } from "../../config/mod.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import type { Exit } from "../instance/process.ts";

/** Backoff after the first failed probe. Doubles with each further one. */
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;

const logger = getLogger(["invoked", "sandbox"]);

/**
 * Modes:
 * - `available`: instances start, as far as is known
 * - `unavailable`: the last probe failed; it is repeated until one succeeds
 * - `closed`
 */
export class Availability implements Disposable {
  readonly #lifecycle = new Lifecycle("the availability of instances", "available", {
    available: ["unavailable", "closed"],
    unavailable: ["available", "closed"],
    closed: [],
  });
  readonly #listeners: (() => void)[] = [];
  /** Why no instance starts, without paths; undefined while instances start. */
  error: string | undefined;
  /** The probe under way. */
  #checking: Promise<boolean> | undefined;
  #backoffMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #recovered = Promise.withResolvers<void>();

  /** @param probe starts an instance and ends it; rejects if it does not start */
  constructor(private readonly probe: () => Promise<void>) {}

  /** Calls back after each change of {@link error}. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Probes now. Resolves with whether an instance started; never rejects. Checks at the same time share a probe. */
  check(): Promise<boolean> {
    this.#checking ??= this.#check().finally(() => this.#checking = undefined);
    return this.#checking;
  }

  /** Resolves once instances start after an error, after `waitMs`, or once the signal aborts. */
  async recovered(waitMs: number, signal: AbortSignal): Promise<void> {
    const { promise: given, resolve: giveUp } = Promise.withResolvers<void>();
    const timer = waitMs === Infinity ? undefined : setTimeout(giveUp, waitMs);
    const onAbort = () => giveUp();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) giveUp();
    await Promise.race([this.#recovered.promise, given]);
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.#lifecycle.set("closed");
    this.error = undefined;
    clearTimeout(this.#timer);
    this.#recovered.resolve();
  }

  async #check(): Promise<boolean> {
    try {
      await this.probe();
      this.#succeed();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #succeed(): void {
    this.#backoffMs = 0;
    if (!this.#lifecycle.is("unavailable")) return;
    clearTimeout(this.#timer);
    this.#lifecycle.set("available");
    this.error = undefined;
    logger.warn("instances start again");
    this.#recovered.resolve();
    this.#recovered = Promise.withResolvers();
    this.#notify();
  }

  #fail(error: unknown): void {
    if (this.#lifecycle.is("closed")) return;
    const failure = `the server cannot start processes for functions: ${publicCause(error)}`;
    const isNew = failure !== this.error;
    this.error = failure;
    if (this.#lifecycle.is("available")) this.#lifecycle.set("unavailable");
    this.#backoffMs = Math.min(Math.max(2 * this.#backoffMs, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.check(), this.#backoffMs);
    Deno.unrefTimer(this.#timer);
    if (!isNew) return;
    logger.error("{reason}; invocations wait until one starts: {error}", {
      reason: failure,
      error: String(error),
    });
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Causes by what Deno, the wrappers and the kernel print, the most certain first. */
const CAUSES: readonly (readonly [printed: RegExp, cause: string])[] = [
  [/os error 28\b|no space left on device/i, "the disk is full"],
  [/os error 122\b|disk quota exceeded/i, "the disk quota is used up"],
  [
    /os error 11\b|resource temporarily unavailable|cannot fork/i,
    "the limit of processes is reached (ulimit -u, or the pids cgroup of the server)",
  ],
  [/os error 12\b|cannot allocate memory|out of memory/i, "the machine has no memory left"],
  [/os error 2[34]\b|too many open files/i, "the limit of open files is reached (ulimit -n)"],
  [/os error 30\b|read-only file system/i, "a file system is read-only"],
  [/another user/, "another user may write to the directory of their files"],
  [
    /os error (?:13|17|20)\b|permission denied|not a directory|exit code 126\b/i,
    "a file that they need cannot be used",
  ],
  [
    /os error 2\b|no such file or directory|not found|exit code 127\b/i,
    "a file or program that they need is missing",
  ],
  [/exit code 125\b|cgroup/i, "their cgroups cannot be used"],
  [/signal SIGKILL/, "they are killed while they start"],
];

/** The cause of an error, which may name paths; the log has the error. */
function publicCause(error: unknown): string {
  const printed = String(error);
  return CAUSES.find(([pattern]) => pattern.test(printed))?.[1] ?? "they end before they are ready";
}

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

/**
 * Counts the crashes of each function. All forks of a zygote share one address layout, and each crash may show an
 * attacker a little of it. So the invocations of a function that crashes often start processes of their own, each with
 * a layout that nothing else has.
 */
export class Crashes {
  /** The times of the last crashes by function, at most {@link CRASHES_MAX}. */
  readonly #times = new LRUCache<string, readonly number[]>(entriesUpTo(COUNTED_MAX));

  /** Whether the last {@link CRASHES_MAX} crashes of the function are within the window. */
  areFrequent(functionKey: string): boolean {
    const times = this.#times.get(functionKey);
    return times?.length === CRASHES_MAX && performance.now() - (times[0] ?? 0) < WINDOW_MS;
  }

  /**
   * Counts the end of a process that runs invocations of this function. The end of its template counts, too: whoever
   * has broken out of V8 may have ended it. The end of the zygote does not count: the next zygote has another layout.
   */
  async watch(functionKey: string, ended: Promise<Exit>): Promise<void> {
    const { signal, lost } = await ended;
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
