/** Instances that wait for another invocation of the function that they ran before. */
import { createHash } from "node:crypto";
import type { ReuseLimits, SandboxJob } from "../contract.ts";
import type { Instance, ReuseHooks } from "../instance/instance.ts";

/**
 * Time without reuse after an invocation left work running. Such work runs outside the slots of invocations, and would
 * do so after every invocation of the function.
 */
const LEFTOVER_MS = 10_000;
/** Most keys for which that is remembered. */
const LEFTOVERS_MAX = 10_000;

/** Share of the limit of processor time after which an instance is replaced. The next invocation gets the rest. */
const CPU_SHARE_MAX = 0.5;

interface Waiting {
  readonly key: string;
  readonly process: Instance;
  readonly sinceMs: number;
}

/** Jobs with the same key may share an instance; undefined without reuse. The key contains no secret. */
export function processKeyOf(
  { reuseKey, scriptKey, outboundAllowlist, config, limits }: SandboxJob,
): string | undefined {
  if (reuseKey === undefined || scriptKey === undefined) return undefined;
  const hasSecrets = Object.keys(config.secrets).length > 0;
  // A hash costs six times as much as the text.
  const configuration = hasSecrets ? hashOf(JSON.stringify(config)) : config;
  return JSON.stringify([reuseKey, scriptKey, outboundAllowlist, limits, configuration]);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

/** Idle instances by key. The pool owns them. */
export class Reuse implements Disposable {
  /** The longest idle first. */
  readonly #waiting = new Set<Waiting>();
  readonly #byKey = new Map<string, Waiting[]>();
  /** Instances whose end is watched. */
  readonly #watched = new WeakSet<Instance>();
  /** The time up to which a key is not reused. */
  readonly #leftovers = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(private readonly limits: ReuseLimits) {}

  /** Takes the instance that became idle last, so that the others can expire. */
  take(key: string): Instance | undefined {
    for (;;) {
      const waiting = this.#byKey.get(key)?.at(-1);
      if (waiting === undefined) return undefined;
      this.#remove(waiting);
      if (waiting.process.isIdle) return waiting.process;
      waiting.process.kill();
    }
  }

  /**
   * Keeps the instance after an invocation with this key; undefined if it must end with its answer.
   * @param cpuTimeMs limit of the instance
   */
  hooksOf(key: string, process: Instance, cpuTimeMs: number): ReuseHooks | undefined {
    const untilMs = this.#leftovers.get(key) ?? 0;
    if (performance.now() < untilMs) return undefined;
    this.#leftovers.delete(key);
    const busyMaxMs = CPU_SHARE_MAX * cpuTimeMs;
    return {
      onIdle: () => this.#put(key, process, busyMaxMs),
      onLeftover: () => this.#noteLeftover(key),
    };
  }

  #noteLeftover(key: string): void {
    if (this.#leftovers.size >= LEFTOVERS_MAX) this.#leftovers.clear();
    this.#leftovers.set(key, performance.now() + LEFTOVER_MS);
  }

  /**
   * Keeps an idle instance for the next invocation unless it reached a limit. Ends the longest idle one if too many
   * wait.
   */
  #put(key: string, process: Instance, busyMaxMs: number): void {
    const { invocations, busyMs, ageMs } = process.usage;
    const { invocationsMax, lifetimeMs, waitingMax } = this.limits;
    const isUsedUp = invocations >= invocationsMax || ageMs >= lifetimeMs || busyMs >= busyMaxMs;
    if (isUsedUp || this.#closed) return void process.kill();
    const waiting = { key, process, sinceMs: performance.now() };
    this.#waiting.add(waiting);
    const others = this.#byKey.get(key);
    if (others === undefined) this.#byKey.set(key, [waiting]);
    else others.push(waiting);
    this.#watch(process);
    const [longest] = this.#waiting;
    if (this.#waiting.size > waitingMax && longest !== undefined) this.#end(longest);
    this.#timer ??= this.#later(this.limits.idleMs);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting) this.#end(waiting);
  }

  #watch(process: Instance): void {
    if (this.#watched.has(process)) return;
    this.#watched.add(process);
    process.ended.then(() => {
      for (const waiting of this.#waiting) {
        if (waiting.process === process) this.#remove(waiting);
      }
    });
  }

  #later(ms: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#endUnused(), ms);
    Deno.unrefTimer(timer);
    return timer;
  }

  #endUnused(): void {
    const { idleMs } = this.limits;
    const nowMs = performance.now();
    this.#timer = undefined;
    for (const waiting of this.#waiting) {
      const leftMs = waiting.sinceMs + idleMs - nowMs;
      if (leftMs > 0) {
        this.#timer = this.#later(leftMs);
        return;
      }
      this.#end(waiting);
    }
  }

  #end(waiting: Waiting): void {
    this.#remove(waiting);
    waiting.process.kill();
  }

  #remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    const others = this.#byKey.get(waiting.key) ?? [];
    const at = others.lastIndexOf(waiting);
    if (at >= 0) others.splice(at, 1);
    if (others.length === 0) this.#byKey.delete(waiting.key);
  }
}
