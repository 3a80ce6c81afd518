/** Instances that are spawned for one invocation each: where no tree forks, and until one does. */
import { getLogger } from "@logtape/logtape";
import { pause } from "../../shared/pause.ts";
import type { Instance } from "../instance/instance.ts";
import { areEqual, type ResourceLimits } from "../instance/process.ts";
import type { InstanceResources, Launcher } from "../instance/launcher.ts";

/** Backoff after the first failed start in the background. Doubles with each further one. */
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 10_000;
/** Delay between taking an instance and starting its replacement, so that the invocation goes first. */
const REFILL_DELAY_MS = 5;

const logger = getLogger(["invoked", "sandbox"]);

/** Owns every instance until it is reaped. Modes: open, then closed. */
export class SpawnedInstances implements AsyncDisposable {
  /** Number of instances that wait. */
  #size = 0;
  readonly #waiting: Instance[] = [];
  readonly #alive = new Set<Instance>();
  #starting = 0;
  #backoffMs = 0;
  readonly #closed = new AbortController();

  constructor(private readonly launcher: Launcher, private readonly resources: InstanceResources) {}

  get readyCount(): number {
    return this.#waiting.length;
  }

  /** Keeps this many instances waiting. Resolves once the first one waits; rejects if it does not start. */
  async keep(size: number): Promise<void> {
    this.#size = size;
    this.#starting++;
    try {
      this.#wait(await this.#start());
    } finally {
      this.#starting--;
    }
    this.#refill();
  }

  /** Changes the number of instances that wait. Surplus instances wait on until invocations take them. */
  resize(size: number): void {
    this.#size = size;
    this.#refill();
  }

  /** Takes an instance with these limits. Those that wait have the default ones. */
  async take(limits: ResourceLimits): Promise<Instance> {
    if (areEqual(limits, this.launcher.program.limits)) {
      const waiting = this.#takeWaiting();
      if (waiting !== undefined) return waiting;
    }
    return await this.#start(limits);
  }

  /** Starts an instance with the default limits and ends it. Rejects if it does not start. */
  async probe(): Promise<void> {
    await (await this.#start()).kill();
  }

  /** Makes what somebody removed of the files from which instances start. */
  restoreFiles(): Promise<void> {
    return this.launcher.program.restore();
  }

  /** Kills all instances, the youngest first, and waits for their ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#waiting.length = 0;
    await Promise.all([...this.#alive].reverse().map((instance) => instance.kill()));
  }

  #takeWaiting(): Instance | undefined {
    setTimeout(() => this.#refill(), REFILL_DELAY_MS);
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined || waiting.isUsableFor(true)) return waiting;
      waiting.kill();
    }
  }

  async #start(limits?: ResourceLimits): Promise<Instance> {
    if (this.#closed.signal.aborted) {
      throw new Error("The pool of instances is closed");
    }
    const instance = await this.launcher.startInstance(this.resources, limits);
    this.#alive.add(instance);
    instance.ended.then(() => {
      this.#alive.delete(instance);
      const at = this.#waiting.indexOf(instance);
      if (at < 0 || this.#closed.signal.aborted) return;
      this.#waiting.splice(at, 1);
      logger.warn("a waiting instance ended by itself and is replaced");
      this.#refill();
    });
    if (this.#closed.signal.aborted) await instance.kill();
    return instance;
  }

  /** Keeps an instance for an invocation; an instance that started during the disposal was killed. */
  #wait(instance: Instance): void {
    if (!this.#closed.signal.aborted) this.#waiting.push(instance);
  }

  async #refill(): Promise<void> {
    if (this.#closed.signal.aborted || this.#backoffMs > 0) return;
    if (this.#starting >= navigator.hardwareConcurrency) return;
    if (this.#waiting.length + this.#starting >= this.#size) return;
    this.#starting++;
    this.#refill();
    try {
      this.#wait(await this.#start());
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      await this.#backOff(error);
    } finally {
      this.#starting--;
      this.#refill();
    }
  }

  async #backOff(error: unknown): Promise<void> {
    this.#backoffMs = Math.min(Math.max(2 * this.#backoffMs, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
    logger.error("an instance did not start, next attempt in {backoffMs} ms: {error}", {
      backoffMs: this.#backoffMs,
      error: String(error),
    });
    await pause(this.#backoffMs, this.#closed.signal);
    this.#backoffMs = 0;
  }
}
