/** Templates that have evaluated a script: for functions whose evaluation costs more than a template is worth. */
import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import type { Provisioned, SandboxLimits } from "../contract.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/process.ts";
import type { CodeCaches } from "./code_caches.ts";
import { InstancePool } from "./instance_pool.ts";
import type { ForkServer } from "./fork_server.ts";
import type { Held, Holder, PoolMemory } from "./pool_memory.ts";
import type { TreeResources } from "./zygote.ts";
import { Template } from "./template.ts";

/** Shortest evaluation that a template saves noticeably. */
const EVALUATION_MIN_MS = 1;
/**
 * What a template saves besides: its instances inherit their connections. For scripts that evaluate faster, this counts
 * only while invocations follow each other within {@link OFTEN_MS}.
 */
const CONNECTIONS_MS = 0.3;
const OFTEN_MS = 1000;
/** Time spent on evaluations of one script after which a template is made: about what making it costs. */
const SPENT_MS = 20;
/** Private memory of a template, and of a unit of evaluated script; see bench/README.md. A script may add more. */
const TEMPLATE_BYTES = 2 * 1024 * 1024;
const BYTES_PER_UNIT = 13;
/** Private memory of an instance that waits, and of the template that forks it. */
const WAITING_BYTES = 1024 * 1024;
/** Time without an invocation, and age, after which a template is given up. */
const UNUSED_MS = 600_000;
const LIFETIME_MS = 3_600_000;
const CHECK_INTERVAL_MS = 60_000;
/** Most templates: a zygote needs an open file for each, and forks at most 1,024 processes at a time. */
const TEMPLATES_MAX = 800;
/** Templates that are made at a time. More of them delay each other, and the running invocations. */
const MAKING_MAX = 4;
/** Most scripts whose evaluations are counted. */
const COUNTED_MAX = 10_000;

const logger = getLogger(["invoked", "sandbox"]);

/**
 * What is known of a script. `spentMs` grows until a template is made, whose memory is then known; an unsuitable script
 * gets none.
 */
type Known =
  | { readonly kind: "counted"; spentMs: number; addedBytes: number; lastMs: number }
  | { readonly kind: "unsuitable" };

interface Evaluated {
  readonly template: Template;
  readonly addedBytes: number;
}

interface Ready {
  readonly template: Template;
  readonly pool: InstancePool;
  readonly ownBytes: number;
  /** Instances that wait. */
  size: number;
  readonly madeMs: number;
  usedMs: number;
}

/** Its disposal ends all templates, each with its running instances. */
export class ScriptTemplates implements Holder, Disposable {
  readonly #zygote: ForkServer;
  readonly #resources: TreeResources;
  readonly #limits: SandboxLimits;
  readonly #codeCaches: CodeCaches;
  readonly #memory: PoolMemory;
  readonly #counted: Disposable;
  readonly #known = new LRUCache<string, Known>(entriesUpTo(COUNTED_MAX));
  /** By key of the script, the longest unused first. */
  readonly #ready = new Map<string, Ready>();
  /** By key of the script, with the bytes that they will take. */
  readonly #making = new Map<string, number>();
  readonly #slots = new Sema(MAKING_MAX);
  #provisioned: readonly Provisioned[] = [];
  /** Provisioned scripts for which the memory does not suffice. */
  readonly #lacking = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isClosed = false;
  readonly #ending: Promise<void>[] = [];

  constructor(
    zygote: ForkServer,
    resources: TreeResources,
    limits: SandboxLimits,
    codeCaches: CodeCaches,
    memory: PoolMemory,
  ) {
    this.#codeCaches = codeCaches;
    this.#memory = memory;
    this.#counted = memory.count(this);
    this.#zygote = zygote;
    this.#resources = resources;
    this.#limits = limits;
    this.#timer = setInterval(() => this.#giveUpUnused(), CHECK_INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Ids of all templates with a script, in the namespace of the server. */
  get templatePids(): readonly number[] {
    return [...this.#ready.values()].flatMap(({ template, pool }) => [
      template.pid,
      ...pool.templatePids,
    ]);
  }

  get readyCount(): number {
    return [...this.#ready.values()].reduce((sum, { pool }) => sum + pool.readyCount, 0);
  }

  get makingBytes(): number {
    return [...this.#making.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  held(exceptKey?: string): readonly Held[] {
    return [...this.#ready].filter(([key]) => key !== exceptKey).map(([key, ready]) => ({
      bytes: bytesOf(ready),
      usedMs: ready.usedMs,
      isKept: this.#countOf(key) !== undefined,
      giveUp: () => void this.#giveUp(key),
    }));
  }

  /** Takes an instance that has evaluated this script; undefined without a template of it. */
  async take(
    key: string,
    limits: ResourceLimits,
    usesNetwork: boolean,
  ): Promise<Instance | undefined> {
    const ready = this.#ready.get(key);
    if (ready === undefined) return undefined;
    ready.usedMs = performance.now();
    this.#ready.delete(key);
    this.#ready.set(key, ready);
    return await ready.pool.take(limits, usesNetwork);
  }

  /** An invocation has evaluated this script. Creates a template once that is worth it. */
  noteEvaluation(key: string, script: string, evaluationMs: number): void {
    const known = this.#known.get(key) ??
      { kind: "counted", spentMs: 0, addedBytes: 0, lastMs: -Infinity };
    if (known.kind === "unsuitable") return;
    const nowMs = performance.now();
    const isOften = nowMs - known.lastMs < OFTEN_MS;
    known.lastMs = nowMs;
    if (evaluationMs >= EVALUATION_MIN_MS || isOften) {
      known.spentMs += evaluationMs + CONNECTIONS_MS;
    }
    this.#known.set(key, known);
    if (known.spentMs >= SPENT_MS) this.#make(key, script);
  }

  /** Keeps instances of these scripts waiting, called or not. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned;
    this.#lacking.clear();
    for (const [key, ready] of this.#ready) {
      ready.size = Math.max(1, this.#freeMemoryFor(key, ready.ownBytes));
      ready.pool.resize(ready.size);
    }
    for (const { key, script } of provisioned) this.#make(key, script);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#counted[Symbol.dispose]();
    for (const key of this.#ready.keys()) this.#ending.push(this.#giveUp(key));
  }

  /** Settles once every template has ended. Call it after the disposal. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
  }

  async #make(key: string, script: string): Promise<void> {
    if (this.#ready.has(key) || this.#making.has(key) || this.#isClosed) return;
    if (this.#known.get(key)?.kind === "unsuitable") return;
    const expectedBytes = this.#ownBytes(key, script);
    const expectedSize = this.#freeMemoryFor(key, expectedBytes);
    if (expectedSize < 1) return;
    this.#making.set(key, expectedBytes + expectedSize * WAITING_BYTES);
    try {
      await this.#slots.acquire();
      const evaluated = this.#isClosed ? undefined : await this.#evaluate(key, script);
      if (evaluated === undefined) return;
      const { template, addedBytes } = evaluated;
      this.#noteMemory(key, addedBytes);
      this.#making.delete(key);
      const ownBytes = this.#ownBytes(key, script);
      const size = this.#freeMemoryFor(key, ownBytes);
      if (size < 1) return template[Symbol.dispose]();
      const pool = new InstancePool(template, this.#resources, size, true);
      const nowMs = performance.now();
      this.#ready.set(key, { template, pool, ownBytes, size, madeMs: nowMs, usedMs: nowMs });
      template.ended.then(() => {
        if (this.#ready.get(key)?.template === template) this.#noteEnd(key, template);
      });
    } catch (error) {
      if (!this.#isClosed) logger.warn("a template was not made: {error}", { error: `${error}` });
    } finally {
      this.#slots.release();
      this.#making.delete(key);
    }
  }

  /** A template that has evaluated the script; undefined if the script is unsuitable. */
  async #evaluate(key: string, script: string): Promise<Evaluated | undefined> {
    const template = await Template.make(this.#zygote, this.#resources);
    const loaded = { script, codeCache: this.#codeCaches.of(key) };
    const evaluation = await template.load(loaded, this.#limits);
    if (!("error" in evaluation) && !this.#isClosed) {
      return { template, ...evaluation };
    }
    template[Symbol.dispose]();
    if (this.#isClosed || !("error" in evaluation)) return undefined;
    this.#known.set(key, { kind: "unsuitable" });
    logger.debug("{key} has no template: {error}", { key, error: evaluation.error });
    return undefined;
  }

  /** Memory of a template with this script: as measured if it was made before, else an estimate. */
  #ownBytes(key: string, script: string): number {
    const known = this.#known.get(key);
    const addedBytes = known?.kind === "counted" ? known.addedBytes : 0;
    return Math.max(TEMPLATE_BYTES + BYTES_PER_UNIT * script.length, addedBytes);
  }

  #noteMemory(key: string, addedBytes: number): void {
    const known = this.#known.get(key);
    const [spentMs, lastMs] = known?.kind === "counted"
      ? [known.spentMs, known.lastMs]
      : [0, -Infinity];
    this.#known.set(key, { kind: "counted", spentMs, addedBytes, lastMs });
  }

  /** A template ended by itself. Its script has to deserve the next one anew; that of a broken one gets none. */
  #noteEnd(key: string, { isBroken }: Template): void {
    this.#giveUp(key);
    if (isBroken) this.#known.set(key, { kind: "unsuitable" });
    else this.#known.delete(key);
  }

  /**
   * Gives up what was not used for the longest time and is not provisioned, of any zygote, until the instances fit that are
   * to wait for this script. Returns how many fit. Gives up nothing if none could.
   */
  #freeMemoryFor(key: string, ownBytes: number): number {
    const mayAdd = () =>
      this.#ready.has(key) || this.#ready.size + this.#making.size < TEMPLATES_MAX;
    const wanted = this.#countOf(key) ?? 1;
    if (this.#memory.left(this, key, true) - ownBytes < WAITING_BYTES) {
      this.#noteLack(key, 0, wanted);
      return 0;
    }
    let left = this.#memory.left(this, key, false) - ownBytes;
    for (const { bytes, isOwn, giveUp } of this.#memory.givable(this, key)) {
      const fits = left >= wanted * WAITING_BYTES;
      if (fits && mayAdd()) break;
      // Only the end of an own template allows one more of this zygote.
      if (fits && !isOwn) continue;
      left += bytes;
      giveUp();
    }
    const fitting = Math.min(wanted, Math.floor(left / WAITING_BYTES));
    const size = mayAdd() ? Math.max(0, fitting) : 0;
    if (size < wanted) this.#noteLack(key, size, wanted);
    return size;
  }

  /** Logs once that fewer instances wait for a script than are provisioned. */
  #noteLack(key: string, size: number, wanted: number): void {
    if (this.#countOf(key) === undefined || this.#lacking.has(key)) return;
    this.#lacking.add(key);
    logger.warn(
      "{key}: {size} of {wanted} provisioned instances fit into --pool-memory and {max} templates",
      { key, size, wanted, max: TEMPLATES_MAX },
    );
  }

  /** Instances that are to wait for a provisioned script; undefined for others. */
  #countOf(key: string): number | undefined {
    return this.#provisioned.find((provisioned) => provisioned.key === key)?.count;
  }

  #giveUpUnused(): void {
    const nowMs = performance.now();
    for (const [key, { usedMs, madeMs }] of this.#ready) {
      const provisioned = this.#provisioned.find((provisioned) => provisioned.key === key);
      const isUnused = provisioned === undefined && nowMs - usedMs >= UNUSED_MS;
      if (isUnused || nowMs - madeMs >= LIFETIME_MS) this.#giveUp(key);
    }
    for (const { key, script } of this.#provisioned) this.#make(key, script);
  }

  /** Running instances keep their templates until they end. */
  async #giveUp(key: string): Promise<void> {
    const ready = this.#ready.get(key);
    if (ready === undefined) return;
    this.#ready.delete(key);
    ready.pool[Symbol.dispose]();
    await ready.pool.ended();
    ready.template[Symbol.dispose]();
  }
}

function bytesOf({ ownBytes, size }: Ready): number {
  return ownBytes + size * WAITING_BYTES;
}
