/** Templates that have evaluated a script: for functions whose evaluation costs more than a template is worth. */
import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import type { InvocationConfig } from "../../runtime/wire.ts";
import type { Provisioned, SandboxLimits } from "../contract.ts";
import type { Instance } from "../instance/instance.ts";
import type { ResourceLimits } from "../instance/process.ts";
import type { CodeCaches } from "./code_caches.ts";
import { InstancePool } from "./instance_pool.ts";
import type { ForkServer } from "./fork_server.ts";
import type { Held, Holder, PoolMemory } from "./pool_memory.ts";
import type { TreeResources } from "./zygote.ts";
import { judge, mayStartFrom } from "./judge.ts";
import { KnownScripts } from "./known_scripts.ts";
import {
  commonKeyOf,
  digestOf,
  type ScriptSource,
  type TemplateChoice,
  toCommonKey,
} from "./script_source.ts";
import { Template } from "./template.ts";

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

const logger = getLogger(["invoked", "sandbox"]);

/** A template that has evaluated a script from which invocations may start. */
interface Suitable {
  readonly template: Template;
  readonly addedBytes: number;
}

/** A template that is being made. */
interface Making {
  /** Memory that it will take. */
  readonly bytes: number;
  /** Settles with the evaluation of its script, once that has begun. */
  evaluated?: Promise<unknown>;
}

interface Ready {
  readonly template: Template;
  readonly pool: InstancePool;
  readonly ownBytes: number;
  /** Of the configuration with which the script was evaluated; undefined if without one. */
  readonly configDigest: string | undefined;
  /** Instances that wait. */
  size: number;
  readonly madeMs: number;
  usedMs: number;
}

/** Its disposal ends all templates, each with its running instances. */
export class ScriptTemplates implements Holder, Disposable {
  readonly #counted: Disposable;
  readonly #known = new KnownScripts();
  /** By key of the template, the longest unused first. */
  readonly #ready = new Map<string, Ready>();
  /** By key of the template. */
  readonly #making = new Map<string, Making>();
  readonly #slots = new Sema(MAKING_MAX);
  #provisioned: readonly Provisioned[] = [];
  /** Provisioned scripts for which the memory does not suffice. */
  readonly #lacking = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isClosed = false;
  readonly #ending: Promise<void>[] = [];

  constructor(
    private readonly zygote: ForkServer,
    private readonly resources: TreeResources,
    private readonly limits: SandboxLimits,
    private readonly codeCaches: CodeCaches,
    private readonly memory: PoolMemory,
  ) {
    this.#counted = memory.count(this);
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
    return [...this.#making.values()].reduce((sum, { bytes }) => sum + bytes, 0);
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
    choice: TemplateChoice,
    limits: ResourceLimits,
    usesNetwork: boolean,
  ): Promise<Instance | undefined> {
    const key = this.#known.keyOf(choice);
    if (key === undefined) return undefined;
    const evaluated = this.#making.get(key)?.evaluated;
    // The invocation would spend the same time on an evaluation of its own.
    if (evaluated !== undefined && this.#countOf(key) !== undefined) await evaluated;
    const ready = this.#ready.get(key);
    if (ready === undefined) return undefined;
    if (
      ready.configDigest !== undefined && ready.configDigest !== digestOf(ownerOf(choice).config)
    ) {
      this.#giveUp(key);
      return undefined;
    }
    ready.usedMs = performance.now();
    this.#ready.delete(key);
    this.#ready.set(key, ready);
    return await ready.pool.take(limits, usesNetwork, choice.owner?.functionKey);
  }

  /** An invocation has evaluated this script. Creates a template once that is worth it, or if it is provisioned. */
  noteEvaluation(source: ScriptSource, evaluationMs: number): void {
    const key = this.#known.keyOf(source);
    if (key === undefined) return;
    if (this.#known.addTime(key, evaluationMs) || this.#countOf(key) !== undefined) {
      this.#make(key, source);
    }
  }

  /** Keeps instances of these scripts waiting, called or not. Replaces the previous list. */
  provision(provisioned: readonly Provisioned[]): void {
    this.#provisioned = provisioned.filter(({ evaluation }) => evaluation !== "per-call");
    this.#lacking.clear();
    for (const [key, ready] of this.#ready) {
      ready.size = Math.max(1, this.#freeMemoryFor(key, ready.ownBytes));
      ready.pool.resize(ready.size);
    }
    this.#makeProvisioned();
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

  async #make(key: string, source: ScriptSource): Promise<void> {
    if (this.#ready.has(key) || this.#making.has(key) || this.#isClosed) return;
    if (this.#known.isUnsuitable(key)) return;
    const expectedBytes = this.#known.bytesOf(key, source.script);
    const expectedSize = this.#freeMemoryFor(key, expectedBytes);
    if (expectedSize < 1) return;
    const making: Making = { bytes: expectedBytes + expectedSize * WAITING_BYTES };
    this.#making.set(key, making);
    try {
      // At once where one is free: an invocation that comes now waits for the evaluation.
      if (this.#slots.tryAcquire() === undefined) await this.#slots.acquire();
      if (!this.#isClosed) await this.#makeInSlot(key, source, making);
    } catch (error) {
      if (!this.#isClosed) logger.warn("a template was not made: {error}", { error: `${error}` });
    } finally {
      this.#slots.release();
      this.#making.delete(key);
    }
    // The script may have turned out to read its configuration.
    const now = this.#known.keyOf(source);
    if (now !== undefined && now !== key) this.#make(now, source);
  }

  async #makeInSlot(key: string, source: ScriptSource, making: Making): Promise<void> {
    const config = key === commonKeyOf(source) ? undefined : ownerOf(source).config;
    const evaluating = this.#evaluate(key, source, config);
    making.evaluated = evaluating.catch(() => {});
    const suitable = await evaluating;
    if (suitable === undefined) return;
    const { template, addedBytes } = suitable;
    this.#known.noteMemory(key, addedBytes);
    this.#making.delete(key);
    const ownBytes = this.#known.bytesOf(key, source.script);
    const size = this.#freeMemoryFor(key, ownBytes);
    if (size < 1) return template[Symbol.dispose]();
    const pool = new InstancePool(template, this.resources, size, true);
    const nowMs = performance.now();
    const configDigest = config && digestOf(config);
    const ready = { template, pool, ownBytes, configDigest, size, madeMs: nowMs, usedMs: nowMs };
    this.#ready.set(key, ready);
    template.ended.then(() => {
      if (this.#ready.get(key)?.template === template) this.#noteEnd(key, template);
    });
  }

  /** A template that has evaluated the script; undefined if the script is unsuitable. */
  async #evaluate(
    key: string,
    source: ScriptSource,
    config: InvocationConfig | undefined,
  ): Promise<Suitable | undefined> {
    const template = await Template.make(this.zygote, this.resources);
    const { script, evaluation } = source;
    const loaded = { script, codeCache: this.codeCaches.of(source.key) };
    const { end, judgement } = await this.#judged(template, source, loaded, config)
      .catch((error) => {
        template[Symbol.dispose]();
        // Another attempt may succeed, but not at each invocation.
        this.#known.forget(key);
        throw error;
      });
    const mayStart = !this.#isClosed && mayStartFrom(judgement, evaluation);
    if (mayStart && typeof end === "object" && "addedBytes" in end) {
      return { template, addedBytes: end.addedBytes };
    }
    template[Symbol.dispose]();
    if (this.#isClosed) return undefined;
    this.#known.noteUnsuitable(key, mayStart && end === "stopped" && config === undefined);
    logger.debug("{key} has no template: {judgement}", { key: nameOf(key), judgement });
    return undefined;
  }

  async #judged(
    template: Template,
    source: ScriptSource,
    loaded: Parameters<Template["load"]>[0],
    config: InvocationConfig | undefined,
  ) {
    const evaluated = await template.load(loaded, this.limits, config);
    return { end: evaluated.end, judgement: await judge(evaluated, source) };
  }

  /** A template ended by itself. Its script has to deserve the next one anew; that of a broken one gets none. */
  #noteEnd(key: string, { isBroken }: Template): void {
    this.#giveUp(key);
    if (isBroken) this.#known.noteUnsuitable(key);
    else this.#known.forget(key);
  }

  /**
   * Gives up what was not used for the longest time and is not provisioned, of any zygote, until the instances fit that are
   * to wait for this script. Returns how many fit. Gives up nothing if none could.
   */
  #freeMemoryFor(key: string, ownBytes: number): number {
    const mayAdd = () =>
      this.#ready.has(key) || this.#ready.size + this.#making.size < TEMPLATES_MAX;
    const wanted = this.#countOf(key) ?? 1;
    if (this.memory.left(this, key, true) - ownBytes < WAITING_BYTES) {
      this.#noteLack(key, 0, wanted);
      return 0;
    }
    let left = this.memory.left(this, key, false) - ownBytes;
    for (const { bytes, isOwn, giveUp } of this.memory.givable(this, key)) {
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
      { key: nameOf(key), size, wanted, max: TEMPLATES_MAX },
    );
  }

  /** Instances that are to wait for a provisioned script; undefined for others. */
  #countOf(key: string): number | undefined {
    const common = toCommonKey(key);
    return this.#provisioned.find((provisioned) => commonKeyOf(provisioned) === common)?.count;
  }

  #giveUpUnused(): void {
    const nowMs = performance.now();
    for (const [key, { usedMs, madeMs, configDigest }] of this.#ready) {
      // One with secrets ends after the last invocation of its function, provisioned or not.
      const isKept = configDigest === undefined && this.#countOf(key) !== undefined;
      const isUnused = !isKept && nowMs - usedMs >= UNUSED_MS;
      if (isUnused || nowMs - madeMs >= LIFETIME_MS) this.#giveUp(key);
    }
    this.#makeProvisioned();
  }

  #makeProvisioned(): void {
    for (const source of this.#provisioned) {
      const key = this.#known.keyOf(source);
      if (key !== undefined) this.#make(key, source);
    }
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

/** Of an invocation: it alone takes a template with a key of its own, and it alone has one made. */
function ownerOf({ owner }: TemplateChoice): NonNullable<TemplateChoice["owner"]> {
  if (owner === undefined) throw new Error("A template with a configuration belongs to a function");
  return owner;
}

/** The key of its script, for logs. */
function nameOf(key: string): string {
  return key.split("\0", 1)[0] ?? key;
}

function bytesOf({ ownBytes, size }: Ready): number {
  return ownBytes + size * WAITING_BYTES;
}
