/** Instances of one fork server that wait for invocations, and the templates that fork them. */
import { getLogger } from "@logtape/logtape";
import type { Instance } from "../instance/instance.ts";
import { areEqual, haveSameMemory, type ResourceLimits } from "../instance/process.ts";
import type { ForkServer } from "./fork_server.ts";
import type { TreeResources } from "./zygote.ts";
import { Template } from "./template.ts";

/** Time in which a template beyond the size of the pool must have been needed once. */
const UNUSED_MS = 60_000;
/** Two invocations within this time are frequent: another one may overlap with the last. */
const FREQUENT_WITHIN_MS = 1000;
/** Instances of one template, after which another replaces it; see `src/runtime/fork/unique.ts`. */
const TEMPLATE_FORKS_MAX = 1000;

const logger = getLogger(["invoked", "sandbox"]);

/** A waiting instance and its template. */
interface Waiting {
  readonly instance: Instance;
  readonly template: Template;
  /** Whether no earlier instance had its connections. */
  readonly hasNewLine: boolean;
}

/** An invocation that waits for an instance. */
interface Waiter extends PromiseWithResolvers<Waiting | undefined> {
  readonly usesNetwork: boolean;
}

/**
 * Each template has one instance at a time, so that the limits of its cgroups are those of the instance.
 *
 * Modes: open, then closed. Its disposal ends the templates whose instances wait, and each other one with its instance.
 */
export class InstancePool implements Disposable {
  /** With the last instance of each. */
  readonly #templates = new Map<Template, Instance | undefined>();
  /** The first one waits for the longest time, so that it has settled, and is taken first. */
  readonly #waiting: Waiting[] = [];
  readonly #waiters: Waiter[] = [];
  /** Instances that are being made. */
  #making = 0;
  /** Least number of waiting instances since the last look for unused templates. */
  #leastWaiting = 0;
  /** Time of the last invocation, and whether it could connect to anything. */
  #takenMs = -Infinity;
  #usesNetwork = true;
  /** The function of the last invocation, and whether others had invocations, too: functions with equal code. */
  #functionKey: string | undefined;
  #isMixed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /**
   * @param size number of templates that are kept without invocations
   * @param growsAhead whether frequent invocations find one more instance than they take
   */
  constructor(
    private readonly forkServer: ForkServer,
    private readonly resources: TreeResources,
    private size: number,
    private readonly growsAhead = false,
  ) {
    this.resize(size);
  }

  get readyCount(): number {
    return this.#waiting.length;
  }

  /** Ids of its templates in the namespace of the server. */
  get templatePids(): readonly number[] {
    return Array.from(this.#templates.keys(), ({ pid }) => pid);
  }

  /** Changes the number of templates that are kept without invocations. */
  resize(size: number): void {
    this.size = size;
    for (let count = this.#templates.size + this.#making; count < size; count++) this.#make();
    if (this.#templates.size > size) this.#timer ??= this.#later();
  }

  /**
   * Takes an instance that waits for its first invocation, which has these limits; undefined if none can be forked.
   * @param usesNetwork whether the invocation may connect to anything
   * @param functionKey of the invocation, where all invocations have the same script
   */
  async take(
    limits: ResourceLimits,
    usesNetwork: boolean,
    functionKey?: string,
  ): Promise<Instance | undefined> {
    this.#usesNetwork = usesNetwork;
    this.#isMixed ||= this.#functionKey !== undefined && functionKey !== this.#functionKey;
    this.#functionKey = functionKey;
    let taken = this.#waiting.shift();
    while (taken !== undefined && !this.#isUsable(taken, usesNetwork)) {
      taken.instance.kill();
      taken = this.#waiting.shift();
    }
    this.#leastWaiting = Math.min(this.#leastWaiting, this.#waiting.length);
    if (taken === undefined) taken = await this.#nextMade(usesNetwork);
    else this.#growAhead();
    if (taken === undefined) return undefined;
    const { instance, template } = taken;
    const { maxima } = this.resources;
    // The cgroups may have the limits of an earlier instance that ended while they were set.
    if (template.cgroupLimits === maxima && areEqual(limits, maxima)) return instance;
    try {
      if (!haveSameMemory(limits, template.cgroupLimits)) await template.setMemory(limits);
      instance.limitsToSet = template.limitsOf(limits);
      return instance;
    } catch (error) {
      instance.kill();
      throw error;
    }
  }

  #isUsable(waiting: Waiting, usesNetwork: boolean): boolean {
    return waiting.instance.isUsableFor(usesNetwork) && this.#suits(waiting, usesNetwork);
  }

  /** Whether an instance was forked for such an invocation. */
  #suits({ instance, hasNewLine }: Waiting, usesNetwork: boolean): boolean {
    return (instance.hasEgress || !usesNetwork) && (hasNewLine || !this.#isMixed);
  }

  /** The next instance that is made for such an invocation; undefined if none is. */
  async #nextMade(usesNetwork: boolean): Promise<Waiting | undefined> {
    if (this.#isClosed) return undefined;
    const waiter = { ...Promise.withResolvers<Waiting | undefined>(), usesNetwork };
    this.#waiters.push(waiter);
    if (this.#comingSoon < this.#waiters.length) this.#make();
    this.#growAhead();
    return await waiter.promise;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#giveUpWaiters();
    for (const [template, last] of this.#templates) {
      if (last?.isBusy) last.ended.then(() => template[Symbol.dispose]());
      else template[Symbol.dispose]();
    }
  }

  /** Settles once every template has ended. Call it after the disposal. */
  async ended(): Promise<void> {
    await Promise.all([...this.#templates.keys()].map((template) => template.ended));
  }

  /** Creates another template ahead of an invocation that would wait for it. */
  #growAhead(): void {
    const isFrequent = performance.now() - this.#takenMs < FREQUENT_WITHIN_MS;
    this.#takenMs = performance.now();
    if (!this.growsAhead || !isFrequent) return;
    if (this.#waiting.length + this.#comingSoon <= this.#waiters.length) this.#make();
  }

  /** Instances that are being made, or will be as soon as the previous one of their template has ended. */
  get #comingSoon(): number {
    let count = this.#making;
    for (const last of this.#templates.values()) {
      if (last?.isEnding) count++;
    }
    return count;
  }

  /** Their invocations get instances of another kind. */
  #giveUpWaiters(): void {
    for (const { resolve } of this.#waiters.splice(0)) resolve(undefined);
  }

  /** Makes a template, and its instances one after another, until the template ends. Another one replaces it in time. */
  async #make(): Promise<void> {
    let template: Template | undefined;
    for (;;) {
      let instance: Instance;
      this.#making++;
      try {
        template ??= await this.#newTemplate();
        if (template === undefined) return;
        instance = await this.#supply(template);
      } catch (error) {
        return this.#noteFailure(error);
      } finally {
        this.#making--;
      }
      await instance.ended;
      if (this.#isClosed || !this.#templates.has(template)) return;
      if (!isUsedUp(template)) continue;
      this.#templates.delete(template);
      template[Symbol.dispose]();
      template = undefined;
    }
  }

  /** Undefined if the pool was closed meanwhile. */
  async #newTemplate(): Promise<Template | undefined> {
    const template = await Template.make(this.forkServer, this.resources);
    if (this.#isClosed) return void template[Symbol.dispose]();
    this.#templates.set(template, undefined);
    template.instances = {
      // Otherwise the next instance needs more than its fork.
      mayFollow: () =>
        !this.#isClosed && this.#templates.has(template) && !isUsedUp(template) &&
        template.cgroupLimits === this.resources.maxima,
      next: () => ({
        usesNetwork: this.#usesNetwork || this.#waiters.some(({ usesNetwork }) => usesNetwork),
        needsNewLine: this.#isMixed,
      }),
    };
    template.ended.then(() => {
      this.#templates.delete(template);
      // Its next instance may have been awaited.
      if (!this.#isClosed && this.#comingSoon < this.#waiters.length) this.#make();
    });
    return template;
  }

  /** Forks the next instance of a template, for the invocation that waits for one, or for a later one. */
  async #supply(template: Template): Promise<Instance> {
    const { maxima } = this.resources;
    let waiting: Waiting;
    try {
      if (template.cgroupLimits !== maxima) await template.setMemory(maxima);
      waiting = { template, ...await template.fork() };
    } catch (error) {
      template[Symbol.dispose]();
      throw error;
    }
    const { instance } = waiting;
    this.resources.forkCounts.forked++;
    if (this.#templates.has(template)) this.#templates.set(template, instance);
    const index = this.#waiters.findIndex(({ usesNetwork }) => this.#suits(waiting, usesNetwork));
    const [waiter] = index < 0 ? [] : this.#waiters.splice(index, 1);
    if (waiter !== undefined) {
      waiter.resolve(waiting);
    } else if (this.#waiters.length > 0) {
      // The next one is forked for them.
      instance.kill();
    } else {
      this.#waiting.push(waiting);
      if (this.#templates.size > this.size) this.#timer ??= this.#later();
    }
    return instance;
  }

  #noteFailure(error: unknown): void {
    if (this.#isClosed) return;
    this.resources.forkCounts.failed++;
    logger.error("an instance was not forked: {error}", { error: String(error) });
    if (this.#making === 1) this.#giveUpWaiters();
  }

  #later(): ReturnType<typeof setTimeout> {
    this.#leastWaiting = this.#waiting.length;
    const timer = setTimeout(() => {
      this.#timer = undefined;
      this.#endUnused(this.#leastWaiting);
    }, UNUSED_MS);
    Deno.unrefTimer(timer);
    return timer;
  }

  /** Ends templates beyond the size of the pool, at most `count`. */
  #endUnused(count: number): void {
    const ended = this.#waiting.splice(0, Math.min(count, this.#templates.size - this.size));
    for (const { template } of ended) {
      this.#templates.delete(template);
      template[Symbol.dispose]();
    }
    if (this.#templates.size > this.size) this.#timer ??= this.#later();
  }
}

function isUsedUp({ forks }: Template): boolean {
  return forks >= TEMPLATE_FORKS_MAX;
}
