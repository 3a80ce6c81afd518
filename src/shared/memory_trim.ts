/**
 * Returns free memory of this process to the operating system while the process is at rest. A start and a burst of work
 * leave garbage in V8's heap and free blocks in malloc's, which both keep for work that may follow.
 */
import process from "node:process";
import { getLogger } from "@logtape/logtape";
import { pause } from "./pause.ts";

/** How often the process is looked at, in milliseconds. A server has started its threads before the first look. */
const LOOK_INTERVAL_MS = 8000;
/** Share of one core that a process at rest takes between two looks at most. */
const REST_MAX_SHARE = 0.02;
/** A trim takes 0.2 s of processor time and halts JavaScript for 0.05 s, so it has to return a noticeable amount. */
const GROWTH_MIN_BYTES = 8 * 1024 * 1024;
/** Time for the first signal of a trim to be handled, in milliseconds. */
const SIGNAL_INTERVAL_MS = 1000;
/** Deno trims memory at this signal if `bin/invoked` has set DENO_USR2_MEMORY_TRIM. */
const SIGNAL = "SIGUSR2";

const logger = getLogger(["invoked", "memory"]);

/** Trims the memory of this process whenever the process rests and has grown. Disposing it ends the looks. */
export class MemoryTrim implements Disposable {
  readonly #ended = new AbortController();

  /** The defaults fit a server. */
  constructor(
    private readonly lookIntervalMs = LOOK_INTERVAL_MS,
    private readonly signalIntervalMs = SIGNAL_INTERVAL_MS,
  ) {
    if (Deno.build.os !== "linux") return;
    // Without a listener, the signal would end a process that was started without the variable.
    Deno.addSignalListener(SIGNAL, ignore);
    this.#watch().catch((error) => logger.warn("memory is not trimmed any more", { error }));
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ended;
    let trimmedBytes = 0;
    for (let used = process.cpuUsage();; used = process.cpuUsage()) {
      await pause(this.lookIntervalMs, signal);
      if (signal.aborted) return;
      const { user, system } = process.cpuUsage(used);
      if ((user + system) / 1000 > REST_MAX_SHARE * this.lookIntervalMs) continue;
      const { rss } = Deno.memoryUsage();
      if (rss < trimmedBytes + GROWTH_MIN_BYTES) continue;
      await this.#trim();
      trimmedBytes = Deno.memoryUsage().rss;
      logger.debug("trimmed the memory of the server from {before} to {after} bytes", {
        before: rss,
        after: trimmedBytes,
      });
    }
  }

  /** Deno trims malloc's heap and then collects, so only a second signal returns what the collection has freed. */
  async #trim(): Promise<void> {
    for (let signals = 0; signals < 2 && !this.#ended.signal.aborted; signals++) {
      Deno.kill(Deno.pid, SIGNAL);
      await pause(this.signalIntervalMs, this.#ended.signal);
    }
  }
}

function ignore(): void {}
