/** Starts instances ahead of need. */
import { getLogger } from "@logtape/logtape";
import type { Provisioned, SandboxLimits } from "../contract.ts";
import { Demand } from "./demand.ts";
import type { Launcher } from "../instance/launcher.ts";
import { Instance } from "../instance/instance.ts";
import { planStock, type StockPlan } from "./plan.ts";

/** Attempts to start one instance before the caller gets the error. */
const START_ATTEMPTS_MAX = 3;
/** Backoff after the first failed start in the background. Doubles with each further one. */
const REFILL_BACKOFF_MIN_MS = 100;
const REFILL_BACKOFF_MAX_MS = 10_000;
/** Delay between taking an instance and starting its replacement, so that the call goes first. */
const REFILL_DELAY_MS = 5;
/** Longest wait of a loaded instance. Bounds the age of times that a module reads while it loads. */
const LOADED_LIFETIME_MS = 60_000;
/** Most scripts that are remembered as not loadable ahead of a call. */
const UNFIT_MAX = 10_000;

const logger = getLogger(["invoked", "sandbox"]);

export type PoolLimits = Pick<
  SandboxLimits,
  "poolSize" | "poolMemoryBytes" | "outputBytes" | "logBytes"
>;

/** A waiting instance. `key` names the script that it has loaded. */
interface Waiting {
  readonly process: Instance;
  readonly key: string | undefined;
}

/** One step of a refill. */
type Step =
  | { readonly kind: "start" }
  | { readonly kind: "load"; readonly key: string; readonly script: string };

/** Keeps waiting instances according to demand. Owns every instance until it is reaped. */
export class Pool implements AsyncDisposable {
  readonly #launcher: Launcher;
  readonly #limits: PoolLimits;
  readonly #demand = new Demand();
  #provisioned: readonly Provisioned[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #unfit = new Set<string>();
  /** Steps of the refill in progress. */
  readonly #steps = new Map<Step, Promise<void>>();
  #backoffMs = 0;
  /** All instances that are not reaped, in the order of their starts. */
  readonly #alive = new Set<Instance>();
  readonly #closed = new AbortController();

  constructor(launcher: Launcher, limits: PoolLimits) {
    this.#launcher = launcher;
    this.#limits = limits;
  }

  get readyCount(): number {
    return this.#waiting.size;
  }

  /** Starts to fill the pool. Resolves once one instance is ready. */
  async start(): Promise<void> {
    this.#stock(await this.#startOne(), undefined);
    this.#refill();
  }

  /** Sets the scripts for which instances wait, called or not. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#refill();
  }

  /** Takes an instance for a call of this script, preferably a loaded one. Starts one if none waits. */
  async take(key: string | undefined, script: string): Promise<Instance> {
    setTimeout(() => this.#refill(), REFILL_DELAY_MS);
    if (key !== undefined) {
      this.#demand.note(key, script, performance.now());
      const loaded = this.#find(({ key: found }) => found === key);
      if (loaded !== undefined) return loaded;
    }
    return this.#find(({ key }) => key === undefined) ?? await this.#startOne();
  }

  /** Kills all instances, the youngest first, and waits for their ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#alive].reverse().map((process) => process.kill()));
    await Promise.all(this.#steps.values());
    await Promise.all([...this.#alive].map((process) => process.kill()));
  }

  /** Takes the first waiting instance that matches. Kills those that can no longer run a call. */
  #find(fits: (waiting: Waiting) => boolean): Instance | undefined {
    for (const waiting of this.#waiting) {
      if (!fits(waiting)) continue;
      this.#waiting.delete(waiting);
      const { process, key } = waiting;
      if (key === undefined ? process.isReady : process.isLoaded) return process;
      if (key !== undefined) this.#setUnfit(key);
      process.kill();
    }
    return undefined;
  }

  async #startOne(): Promise<Instance> {
    for (let attempt = 1;; attempt++) {
      if (this.#closed.signal.aborted) {
        throw new Error("Cannot start an instance: the pool is closed");
      }
      try {
        return await this.#own(Instance.start(this.#launcher));
      } catch (error) {
        if (attempt === START_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Kills an instance that becomes ready after the pool was closed. */
  async #own(starting: Promise<Instance>): Promise<Instance> {
    const started = await starting;
    this.#alive.add(started);
    started.ended.then(() => {
      this.#alive.delete(started);
      this.#dropDead(started);
    });
    if (this.#closed.signal.aborted) await started.kill();
    return started;
  }

  #stock(process: Instance, key: string | undefined): void {
    if (!(key === undefined ? process.isReady : process.isLoaded)) return;
    const waiting: Waiting = { process, key };
    this.#waiting.add(waiting);
    if (key === undefined) return;
    const timer = setTimeout(() => {
      if (!this.#waiting.delete(waiting)) return;
      process.kill();
      this.#refill();
    }, LOADED_LIFETIME_MS);
    Deno.unrefTimer(timer);
    process.ended.then(() => clearTimeout(timer));
  }

  /** Replaces an instance that died while it waited. */
  #dropDead(process: Instance): void {
    for (const waiting of this.#waiting) {
      if (waiting.process !== process) continue;
      this.#waiting.delete(waiting);
      if (this.#closed.signal.aborted) return;
      logger.warn("a waiting instance ended by itself and is replaced");
      this.#refill();
    }
  }

  /** Takes steps towards the plan: one at a time while the pool is half full, else one for each core. */
  #refill(): void {
    if (this.#closed.signal.aborted || this.#backoffMs > 0) return;
    const plan = this.#plan();
    const isHalfFull = this.#waiting.size > this.#limits.poolSize / 2;
    const atOnce = isHalfFull ? 1 : navigator.hardwareConcurrency;
    while (this.#steps.size < atOnce) {
      const step = this.#nextStep(plan);
      if (step === undefined) return;
      this.#steps.set(step, this.#carryOut(step));
    }
  }

  #plan(): StockPlan {
    const called = this.#demand.at(performance.now()).filter(({ key }) => !this.#unfit.has(key));
    const provisioned = this.#provisioned.filter(({ key }) => !this.#unfit.has(key));
    return planStock(this.#limits, called, provisioned);
  }

  /** Adds what the pool lacks most, and kills what it has too much of. */
  #nextStep({ loaded, generic }: StockPlan): Step | undefined {
    const steps = [...this.#steps.keys()];
    const have = (key: string | undefined) =>
      [...this.#waiting].filter((waiting) => waiting.key === key).length +
      steps.filter((step) => (step.kind === "load" ? step.key : undefined) === key).length;
    const generics = have(undefined);
    if (generics === 0 && generic > 0) return { kind: "start" };
    const [hungriest] = Array.from(loaded, ([key, { script, count }]) => ({
      key,
      script,
      lacks: 1 - have(key) / count,
    })).filter(({ lacks }) => lacks > 0).sort((a, b) => b.lacks - a.lacks);
    if (hungriest === undefined && generics >= generic) return undefined;
    this.#makeRoom({ loaded, generic });
    if (hungriest === undefined || 1 - generics / generic > hungriest.lacks) {
      return { kind: "start" };
    }
    return { kind: "load", key: hungriest.key, script: hungriest.script };
  }

  /** If the pool is full, kills the oldest instance of a script that is no longer called. */
  #makeRoom({ loaded, generic }: StockPlan): void {
    let total = generic;
    for (const { count } of loaded.values()) total += count;
    if (this.#waiting.size + this.#steps.size < total) return;
    const counts = new Map<string, number>();
    for (const { key } of this.#waiting) {
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const waiting of this.#waiting) {
      const { key } = waiting;
      if (key === undefined || (counts.get(key) ?? 0) <= (loaded.get(key)?.count ?? 0)) continue;
      this.#waiting.delete(waiting);
      waiting.process.kill();
      return;
    }
  }

  async #carryOut(step: Step): Promise<void> {
    try {
      await (step.kind === "start" ? this.#addGeneric() : this.#addLoaded(step));
      this.#backoffMs = 0;
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#backoffMs = Math.min(
        Math.max(2 * this.#backoffMs, REFILL_BACKOFF_MIN_MS),
        REFILL_BACKOFF_MAX_MS,
      );
      const backoffMs = this.#backoffMs;
      logger.error("an instance did not start, next attempt in {backoffMs} ms: {error}", {
        backoffMs,
        error: String(error),
      });
      await pause(backoffMs, this.#closed.signal);
      this.#backoffMs = 0;
    } finally {
      this.#steps.delete(step);
      this.#refill();
    }
  }

  async #addGeneric(): Promise<void> {
    this.#stock(await this.#own(Instance.start(this.#launcher)), undefined);
  }

  async #addLoaded({ key, script }: Step & { kind: "load" }): Promise<void> {
    const process = await this.#own(Instance.start(this.#launcher));
    if (await process.load(script, this.#limits)) this.#stock(process, key);
    else if (!this.#closed.signal.aborted) this.#setUnfit(key);
  }

  #setUnfit(key: string): void {
    if (this.#unfit.size >= UNFIT_MAX) this.#unfit.clear();
    this.#unfit.add(key);
  }
}

/** Waits until the time has passed or the signal is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
