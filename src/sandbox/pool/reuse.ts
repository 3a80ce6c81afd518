/** Processes that wait for another call of what they have run before. */
import { createHash } from "node:crypto";
import type { ReuseLimits, SandboxJob } from "../contract.ts";
import type { Instance, Keeper } from "../instance/instance.ts";

/**
 * For so long after a call of a kind left something running its processes end with their answers: what is left runs
 * beyond the places of calls, and would do so after every one of them.
 */
const LEFTOVER_MS = 10_000;
/** Kinds of calls of which that is remembered. */
const LEFTOVERS_MAX = 10_000;

/** Part of the limit of processor time that calls may use up of a process before it is replaced: the next has the rest. */
const CPU_SHARE_MAX = 0.5;

interface Waiting {
  readonly key: string;
  readonly process: Instance;
  readonly sinceMs: number;
}

/**
 * What a process may be used again for: jobs for which all of this is the same. Undefined where it may not. The key holds
 * no secret.
 */
export function processKeyOf(
  { reuseKey, scriptKey, outboundAllowlist, config }: SandboxJob,
): string | undefined {
  if (reuseKey === undefined || scriptKey === undefined) return undefined;
  return createHash("sha256")
    .update(JSON.stringify([reuseKey, scriptKey, outboundAllowlist, config]))
    .digest("base64");
}

/** Idle processes by what they may be used again for. Owns none of them: whoever started one also ends it. */
export class Reuse implements Disposable {
  readonly #limits: ReuseLimits;
  readonly #busyMaxMs: number;
  /** The longest idle first. */
  readonly #waiting = new Set<Waiting>();
  readonly #byKey = new Map<string, Waiting[]>();
  /** Those whose end is watched. */
  readonly #watched = new WeakSet<Instance>();
  /** By key, until when no process is kept. */
  readonly #leftovers = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(limits: ReuseLimits, cpuTimeMs: number) {
    this.#limits = limits;
    this.#busyMaxMs = CPU_SHARE_MAX * cpuTimeMs;
  }

  /** The process that became idle last, so that those which are not needed grow old. */
  take(key: string): Instance | undefined {
    for (;;) {
      const waiting = this.#byKey.get(key)?.at(-1);
      if (waiting === undefined) return undefined;
      this.#remove(waiting);
      if (waiting.process.isIdle) return waiting.process;
      waiting.process.kill();
    }
  }

  /** What becomes of the process after a call of this key; undefined where it is to end with its answer. */
  keeperOf(key: string, process: Instance): Keeper | undefined {
    const untilMs = this.#leftovers.get(key) ?? 0;
    if (performance.now() < untilMs) return undefined;
    this.#leftovers.delete(key);
    return { onIdle: () => this.#put(key, process), onLeftover: () => this.#noteLeftover(key) };
  }

  #noteLeftover(key: string): void {
    if (this.#leftovers.size >= LEFTOVERS_MAX) this.#leftovers.clear();
    this.#leftovers.set(key, performance.now() + LEFTOVER_MS);
  }

  /** Keeps an idle process for the next call, unless it is worn out; where too many wait the longest idle one is ended. */
  #put(key: string, process: Instance): void {
    const { calls, busyMs, ageMs } = process.wear;
    const { callsMax, lifetimeMs, waitingMax } = this.#limits;
    const isWorn = calls >= callsMax || ageMs >= lifetimeMs || busyMs >= this.#busyMaxMs;
    if (isWorn || this.#closed) return void process.kill();
    const waiting = { key, process, sinceMs: performance.now() };
    this.#waiting.add(waiting);
    const others = this.#byKey.get(key);
    if (others === undefined) this.#byKey.set(key, [waiting]);
    else others.push(waiting);
    this.#watch(process);
    const [longest] = this.#waiting;
    if (this.#waiting.size > waitingMax && longest !== undefined) this.#end(longest);
    this.#timer ??= this.#later(this.#limits.idleMs);
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
    const { idleMs } = this.#limits;
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
