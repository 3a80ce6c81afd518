/**
 * Instances of one fork server that wait for invocations, the templates that fork them, and the egress sockets that one
 * instance uses after another: opening a socket costs more than renewing it.
 */
import { getLogger } from "@logtape/logtape";
import type { Instance } from "../instance/instance.ts";
import { haveSameMemory, type ResourceLimits } from "../instance/process.ts";
import type { ForkServer } from "./fork_server.ts";
import type { TreeResources } from "./zygote.ts";
import { Template } from "./template.ts";
import type { EgressProxy, EgressSocket } from "../egress/proxy.ts";

/** Time in which a template beyond the size of the pool must have been needed once. */
const UNUSED_MS = 60_000;
/** Two invocations within this time are frequent: another one may overlap with the last. */
const FREQUENT_WITHIN_MS = 1000;
/** Instances of one template, after which another replaces it; see `src/runtime/fork/unique.ts`. */
const TEMPLATE_FORKS_MAX = 1000;

const logger = getLogger(["invoked", "sandbox"]);

/** The forks of one template. */
interface Forks {
  count: number;
  last: Instance | undefined;
}

/** A waiting instance and its template. */
interface Waiting {
  readonly instance: Instance;
  readonly template: Template;
}

/**
 * Each template has one instance at a time, so that the limits of its cgroups are those of the instance.
 *
 * Modes: open, then closed. Its disposal ends the templates whose instances wait, and each other one with its instance.
 */
export class InstancePool implements Disposable {
  readonly #forkServer: ForkServer;
  readonly #resources: TreeResources;
  readonly #egressSockets: EgressSockets;
  #size: number;
  readonly #templates = new Map<Template, Forks>();
  /** The first one waits for the longest time, so that it has settled, and is taken first. */
  readonly #waiting: Waiting[] = [];
  readonly #waiters: PromiseWithResolvers<Waiting | undefined>[] = [];
  /** Instances that are being made. */
  #making = 0;
  /** Least number of waiting instances since the last look for unused templates. */
  #leastWaiting = 0;
  /** Time of the last invocation. */
  #takenMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /**
   * @param size number of templates that are kept without invocations
   * @param growsAhead whether frequent invocations find one more instance than they take
   */
  constructor(
    forkServer: ForkServer,
    resources: TreeResources,
    egressSockets: EgressSockets,
    size: number,
    private readonly growsAhead = false,
  ) {
    this.#forkServer = forkServer;
    this.#resources = resources;
    this.#egressSockets = egressSockets;
    this.#size = size;
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
    this.#size = size;
    for (let count = this.#templates.size + this.#making; count < size; count++) this.#make();
    if (this.#templates.size > size) this.#timer ??= this.#later();
  }

  /** Takes an instance that waits for its first invocation, which has these limits; undefined if none can be forked. */
  async take(limits: ResourceLimits): Promise<Instance | undefined> {
    let taken = this.#waiting.shift();
    while (taken !== undefined && !taken.instance.isUsable) {
      taken.instance.kill();
      taken = this.#waiting.shift();
    }
    this.#leastWaiting = Math.min(this.#leastWaiting, this.#waiting.length);
    if (taken === undefined) taken = await this.#nextMade();
    else this.#growAhead();
    if (taken === undefined) return undefined;
    const { instance, template } = taken;
    try {
      if (!haveSameMemory(limits, template.cgroupLimits)) await template.setMemory(limits);
      return instance;
    } catch (error) {
      instance.kill();
      throw error;
    }
  }

  /** The next instance that is made; undefined if none is. */
  async #nextMade(): Promise<Waiting | undefined> {
    if (this.#isClosed) return undefined;
    const waiter = Promise.withResolvers<Waiting | undefined>();
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
    for (const [template, { last }] of this.#templates) {
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
    for (const { last } of this.#templates.values()) {
      if (last !== undefined && !last.isBusy && !last.isWaiting && !last.hasEnded) count++;
    }
    return count;
  }

  /** Their invocations get instances of another kind. */
  #giveUpWaiters(): void {
    for (const { resolve } of this.#waiters.splice(0)) resolve(undefined);
  }

  /** Makes an instance, of a new template unless one is given. */
  async #make(template?: Template): Promise<void> {
    this.#making++;
    try {
      const from = template ?? await this.#newTemplate();
      if (from !== undefined) await this.#supply(from);
    } catch (error) {
      if (this.#isClosed) return;
      logger.error("an instance was not forked: {error}", { error: String(error) });
      if (this.#making === 1) this.#giveUpWaiters();
    } finally {
      this.#making--;
    }
  }

  /** Undefined if the pool was closed meanwhile. */
  async #newTemplate(): Promise<Template | undefined> {
    const template = await Template.make(this.#forkServer, this.#resources);
    if (this.#isClosed) return void template[Symbol.dispose]();
    this.#templates.set(template, { count: 0, last: undefined });
    template.ended.then(() => {
      this.#templates.delete(template);
      // Its next instance may have been awaited.
      if (!this.#isClosed && this.#comingSoon < this.#waiters.length) this.#make();
    });
    return template;
  }

  /** Forks the next instance of a template. */
  async #supply(template: Template): Promise<void> {
    const { maxima } = this.#resources;
    const egressSocket = this.#egressSockets.take();
    let instance: Instance;
    try {
      if (!haveSameMemory(maxima, template.cgroupLimits)) await template.setMemory(maxima);
      instance = await template.fork(egressSocket);
    } catch (error) {
      this.#egressSockets.discard(egressSocket);
      template[Symbol.dispose]();
      throw error;
    }
    const forks = this.#templates.get(template);
    if (forks !== undefined) {
      forks.count++;
      forks.last = instance;
    }
    instance.ended.then(() => {
      this.#egressSockets.giveBack(egressSocket);
      this.#replace(template);
    });
    const waiter = this.#waiters.shift();
    const waiting = { instance, template };
    if (waiter !== undefined) return waiter.resolve(waiting);
    this.#waiting.push(waiting);
    if (this.#templates.size > this.#size) this.#timer ??= this.#later();
  }

  /** After the end of an instance. */
  #replace(template: Template): void {
    const forks = this.#templates.get(template);
    if (this.#isClosed || forks === undefined) return;
    if (forks.count < TEMPLATE_FORKS_MAX) return void this.#make(template);
    this.#templates.delete(template);
    template[Symbol.dispose]();
    this.#make();
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
    const ended = this.#waiting.splice(0, Math.min(count, this.#templates.size - this.#size));
    for (const { template } of ended) {
      this.#templates.delete(template);
      template[Symbol.dispose]();
    }
    if (this.#templates.size > this.#size) this.#timer ??= this.#later();
  }
}

/**
 * The egress sockets of the instances of one script, or of all instances whose fork servers are trusted to report when an
 * instance ends. Disposal closes all sockets.
 */
export class EgressSockets implements Disposable {
  readonly #proxy: EgressProxy;
  readonly #all = new Set<EgressSocket>();
  readonly #free: EgressSocket[] = [];

  constructor(proxy: EgressProxy) {
    this.#proxy = proxy;
  }

  take(): EgressSocket {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (!free.isLost) return free;
      this.discard(free);
    }
    const socket = this.#proxy.openSocket();
    this.#all.add(socket);
    return socket;
  }

  /** Takes the socket of an instance that has ended. The next one renews it. */
  giveBack(socket: EgressSocket): void {
    if (this.#all.has(socket)) this.#free.push(socket);
  }

  /** Closes a socket that no instance may use again. */
  discard(socket: EgressSocket): void {
    this.#all.delete(socket);
    socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#free.length = 0;
    for (const socket of this.#all) this.discard(socket);
  }
}
