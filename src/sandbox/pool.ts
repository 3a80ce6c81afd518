/** Keeps processes ready ahead of need. */
import { getLogger } from "@logtape/logtape";
import type { Flavour, Launcher } from "./launch.ts";
import { SandboxProcess } from "./process.ts";

/** Attempts to start one process before its caller hears the failure. */
const START_ATTEMPTS_MAX = 3;
/** Wait after the first failed start in the background; doubles with each further one. */
const REFILL_BACKOFF_MIN_MS = 100;
const REFILL_BACKOFF_MAX_MS = 10_000;

/** Calls that are remembered to decide which flavour to keep. */
const DEMAND_CALLS_MAX = 32;
/** Wait between the taking of a process and the start of its replacement, so that the call goes first. */
const REFILL_DELAY_MS = 5;

const logger = getLogger(["invoked", "sandbox"]);

/** What a script says when it uses what a `node` process has loaded. A wrong guess costs time, nothing else. */
const NODE_WORDS =
  /\b(?:import|eval|process|Buffer|setImmediate|setTimeout|setInterval|fetch|Request|Response)\b/;

/** The flavour in which a script answers soonest. */
export function flavourFor(script: string): Flavour {
  return NODE_WORDS.test(script) ? "node" : "plain";
}

/** A stock of ready processes, refilled one at a time. Owns every process until it is reaped. */
export class Pool implements AsyncDisposable {
  readonly #launcher: Launcher;
  readonly #size: number;
  readonly #ready: SandboxProcess[] = [];
  /** Flavours of the latest calls, which the stock is composed after. */
  readonly #demand: Flavour[] = [];
  /** Every process that was started and not yet reaped, in the order of their starts. */
  readonly #alive = new Set<SandboxProcess>();
  readonly #closed = new AbortController();
  #refill: Promise<void> | undefined;

  constructor(launcher: Launcher, size: number) {
    this.#launcher = launcher;
    this.#size = size;
  }

  get readyCount(): number {
    return this.#ready.length;
  }

  /** Starts filling; resolves once one process stands ready. */
  async start(): Promise<void> {
    this.#stock(await this.#startOne("plain"));
    this.#refillSoon();
  }

  /** Hands out a ready process, or starts one where none is. */
  async take(flavour: Flavour): Promise<SandboxProcess> {
    this.#demand.push(flavour);
    if (this.#demand.length > DEMAND_CALLS_MAX) this.#demand.shift();
    const ready = this.#ready.filter((process) => process.isReady);
    const taken = ready.find((process) => process.flavour === flavour) ?? ready[0];
    if (taken !== undefined) this.#ready.splice(this.#ready.indexOf(taken), 1);
    setTimeout(() => this.#refillSoon(), REFILL_DELAY_MS);
    return taken ?? await this.#startOne(flavour);
  }

  /** Kills what is idle and what runs, the youngest first, and waits for the end of all. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#refill;
    await Promise.all([...this.#alive].reverse().map((process) => process.kill()));
  }

  async #startOne(flavour: Flavour): Promise<SandboxProcess> {
    for (let attempt = 1;; attempt++) {
      if (this.#closed.signal.aborted) {
        throw new Error("Cannot start a sandbox: the pool is closed");
      }
      try {
        return await this.#own(SandboxProcess.start(this.#launcher, flavour));
      } catch (error) {
        if (attempt === START_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** A process that became ready while the pool closed is killed like all others. */
  async #own(starting: Promise<SandboxProcess>): Promise<SandboxProcess> {
    const started = await starting;
    this.#alive.add(started);
    started.ended.then(() => {
      this.#alive.delete(started);
      this.#dropDead(started);
    });
    if (this.#closed.signal.aborted) await started.kill();
    return started;
  }

  /** The flavour that the stock lacks most; one of each is kept where the pool has room for both. */
  #wanted(): Flavour {
    const calls = this.#demand.filter((flavour) => flavour === "node").length;
    const share = Math.round(this.#size * calls / Math.max(1, this.#demand.length));
    const target = Math.min(Math.max(1, share), Math.max(1, this.#size - 1));
    const ready = this.#ready.filter(({ flavour }) => flavour === "node").length;
    return this.#ready.length > 0 && ready < target ? "node" : "plain";
  }

  #stock(process: SandboxProcess): void {
    if (process.isReady) this.#ready.push(process);
  }

  /** A process that died while it waited is replaced. */
  #dropDead(process: SandboxProcess): void {
    const at = this.#ready.indexOf(process);
    if (at < 0 || this.#closed.signal.aborted) return;
    this.#ready.splice(at, 1);
    logger.warn("a waiting sandbox ended by itself and is replaced");
    this.#refillSoon();
  }

  #refillSoon(): void {
    if (this.#refill !== undefined || this.#closed.signal.aborted) return;
    this.#refill = this.#refillAll().finally(() => this.#refill = undefined);
  }

  async #refillAll(): Promise<void> {
    let backoffMs = REFILL_BACKOFF_MIN_MS;
    while (this.#ready.length < this.#size && !this.#closed.signal.aborted) {
      try {
        this.#stock(await this.#own(SandboxProcess.start(this.#launcher, this.#wanted())));
        backoffMs = REFILL_BACKOFF_MIN_MS;
      } catch (error) {
        logger.error("a sandbox did not start, next attempt in {backoffMs} ms: {error}", {
          backoffMs,
          error: String(error),
        });
        await pause(backoffMs, this.#closed.signal);
        backoffMs = Math.min(2 * backoffMs, REFILL_BACKOFF_MAX_MS);
      }
    }
  }
}

/** Waits, but not past an abort. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
