import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import type { JobRunner } from "../../engine/contract.ts";
import type { LoadReporter } from "../../engine/load_reporter.ts";
import type { MemoryMaximum } from "../../sandbox/contract.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { CloseReason, encodeClose } from "../link/frames.ts";
import {
  hasMemory,
  type Heartbeat,
  maximumOf,
  type Offer,
  readOffer,
  readPrewarm,
  readProtocol,
  SCRIPTS_MAX,
  WaitingReply,
} from "../link/messages.ts";
import { PROTOCOL, PROTOCOLS_TEXT, speaks } from "../link/protocol.ts";
import { SealKey } from "../link/sealing.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { isId, partsOf, subjects } from "../nats/subjects.ts";
import { Claimer } from "./claimer.ts";
import { Heartbeats } from "./heartbeats.ts";
import { Loading } from "./loading.ts";
import type { ObjectArtifacts } from "./object_artifacts.ts";
import { RemoteClaims } from "./remote_claims.ts";
import { Slots } from "./slots.ts";
import { WorkerSession } from "./worker_session.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Ended sessions that are remembered: an offer that is delivered twice begins one session. */
const ENDED_SESSIONS_MAX = 10_000;

/** What runs invocations of this machine, and loads scripts for reports. */
interface WorkerRunner extends JobRunner, LoadReporter {
  /** Whether it can report; false if instances are not forked. */
  readonly reportsLoads: boolean;
}

export interface WorkerOptions {
  readonly capacity: number;
  /** Slots that asynchronous invocations may take; half of the capacity if undefined. */
  readonly asyncSlots: number | undefined;
  /** Invocations with more memory do not run there. */
  readonly maximum: MemoryMaximum;
  readonly version: string;
}

/**
 * Runs invocations for API nodes. Modes: `open` accepts offers and claims invocations; `draining` accepts nothing new
 * and finishes running invocations; `cut` ends each session, also the session of a claim whose reply comes now; `closed`.
 */
export class Worker implements AsyncDisposable {
  readonly #slots: Slots;
  readonly #heartbeats: Heartbeats;
  readonly #claims: RemoteClaims;
  readonly #claimer: Claimer;
  readonly #loading: Loading;
  readonly #sessions = new Map<string, WorkerSession>();
  readonly #endedSessions = new LRUCache<string, true>(entriesUpTo(ENDED_SESSIONS_MAX));
  /** Sessions whose slot is lent to a nested invocation, by the session of the nested invocation. */
  readonly #lent = new Map<string, string>();
  /** Lists of scripts one after another, so that the newest is the last. */
  #prewarming = Promise.resolve();
  /** Name of the list that it keeps ready, and the keys of its artifacts: templates are made again later. */
  #scriptList = "";
  #listKeys: Disposable | undefined;
  readonly #scripts = new LRUCache<string, true>(entriesUpTo(SCRIPTS_MAX));
  readonly #subscriptions: Disposable[] = [];
  readonly #lifecycle = new Lifecycle("the worker", "open", {
    open: ["draining"],
    draining: ["cut", "closed"],
    cut: ["closed"],
    closed: [],
  });
  readonly #foreign = Promise.withResolvers<string>();

  private constructor(
    private readonly nats: Nats,
    private readonly key: SealKey,
    private readonly runner: WorkerRunner,
    private readonly artifacts: ObjectArtifacts,
    private readonly options: WorkerOptions,
  ) {
    const { capacity, asyncSlots, maximum } = options;
    this.#loading = new Loading({ nats, key, artifacts, reporter: runner });
    this.#slots = new Slots(capacity, asyncSlots, () => this.#heartbeats.changed());
    this.runner.onErrorChange(() => this.#suspend());
    this.#heartbeats = new Heartbeats(nats, () => this.#describe());
    this.#claims = new RemoteClaims({
      nats,
      key,
      maximum,
      open: (id, node, slot) => this.#open(id, node, slot, { isClaim: true }),
      onForeign: (protocol) => this.#meetsForeign(protocol),
    });
    this.#claimer = new Claimer(this.#slots, (slot) => this.#claims.take(slot));
  }

  /** Begins to accept invocations. */
  static async start(
    nats: Nats,
    runner: WorkerRunner,
    artifacts: ObjectArtifacts,
    options: WorkerOptions,
  ): Promise<Worker> {
    const worker = new Worker(nats, await SealKey.create(), runner, artifacts, options);
    await worker.#begin();
    return worker;
  }

  get id(): string {
    return this.nats.id;
  }

  /** Resolves once an API node has another protocol, with the reason why no invocation can reach this worker. */
  get foreign(): Promise<string> {
    return this.#foreign.promise;
  }

  /** The slots of the worker, and how many are taken. */
  get slots(): Pick<Slots, "capacity" | "taken"> {
    return this.#slots;
  }

  /** Accepts nothing new, and lets running invocations finish for at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#lifecycle.set("draining");
    this.#slots.close();
    this.#heartbeats.changed();
    const cut = setTimeout(() => {
      this.#lifecycle.set("cut");
      for (const session of this.#sessions.values()) session.close();
    }, timeoutMs);
    await this.#claimer[Symbol.asyncDispose]();
    while (this.#sessions.size > 0) {
      await Promise.all(Array.from(this.#sessions.values(), ({ ended }) => ended));
    }
    clearTimeout(cut);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#loading[Symbol.dispose]();
    if (this.#lifecycle.is("open")) await this.drain(0);
    this.#lifecycle.set("closed");
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.#heartbeats[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    this.#subscriptions.push(
      this.nats.subscribe(subjects.ofWorker(this.id), (message) => this.#receive(message)),
    );
    await this.#heartbeats.start();
  }

  #meetsForeign(protocol: number): void {
    if (speaks(protocol)) return;
    this.#foreign.resolve(
      `an API node speaks protocol ${protocol}, and this worker works with ${PROTOCOLS_TEXT}; upgrade the older`,
    );
  }

  #describe(): Heartbeat {
    return {
      protocol: PROTOCOL,
      version: this.options.version,
      capacity: this.#slots.capacity,
      free: this.#slots.free,
      ready: [...this.#scripts.keys()],
      scriptList: this.#scriptList,
      publicKey: this.key.publicKey,
      reportsLoads: this.runner.reportsLoads,
      isDraining: !this.#lifecycle.is("open") || this.#slots.isSuspended,
      ...maximumOf(this.options.maximum),
    };
  }

  /** While no instance can be started, API nodes see the worker as draining, and other workers run the invocations. */
  #suspend(): void {
    const { error } = this.runner;
    if (error === undefined) logger.info("This worker accepts invocations again");
    else logger.error("This worker accepts no invocations: {error}", { error });
    this.#slots.suspend(error !== undefined);
  }

  #receive(message: ReceivedMessage): void {
    const [, , kind, id] = partsOf(message.subject);
    switch (kind) {
      case "run":
        return this.#route(id, message.bytes);
      case "offer":
        return this.#offered(message);
      case "waiting": {
        const isOpen = this.#lifecycle.is("open") && !this.#slots.isSuspended;
        const claims = isOpen && this.#claimer.offered();
        return message.respond(claims ? WaitingReply.CLAIMS : WaitingReply.FULL);
      }
      case "prewarm": {
        const sealed = message.bytes.slice();
        this.#prewarming = this.#prewarming.then(() => this.#prewarm(sealed));
        return;
      }
      case "load":
        return void this.#loading.receive(message.bytes.slice());
      case "foreign":
        return this.#rejected(message.bytes);
    }
  }

  /** An unreadable message does not count: one broken message must not end a worker. */
  #rejected(bytes: Uint8Array): void {
    try {
      this.#meetsForeign(readProtocol(bytes));
    } catch (error) {
      logger.warn("Failed to read the protocol of an API node: {error}", { error });
    }
  }

  #route(id: string | undefined, frame: Uint8Array): void {
    if (isId(id)) this.#sessions.get(id)?.receive(frame);
  }

  /** Keeps the scripts of a list ready, in place of the scripts of the last list. */
  async #prewarm(sealed: Uint8Array): Promise<void> {
    if (!this.#lifecycle.is("open")) return;
    try {
      const bytes = await this.key.open({ kind: "scripts", worker: this.id }, sealed);
      const { name, scripts } = readPrewarm(bytes);
      this.#scriptList = name;
      const keys = scripts.flatMap(({ scriptDigest, key, sourceMapDigest, sourceMapKey }) => [
        [scriptDigest, key],
        ...sourceMapDigest === undefined ? [] : [[sourceMapDigest, sourceMapKey]],
      ]);
      const earlier = this.#listKeys;
      this.#listKeys = this.artifacts.unlock(Object.fromEntries(keys));
      earlier?.[Symbol.dispose]();
      await this.runner.prewarm(scripts);
    } catch (error) {
      // Invocations still run, only later.
      logger.warn("Failed to keep scripts ready: {error}", { error });
    }
    this.#heartbeats.changed();
  }

  #offered({ bytes }: ReceivedMessage): void {
    let offer: Offer;
    try {
      offer = readOffer(bytes);
    } catch (error) {
      return logger.warn("Failed to read an offer: {error}", { error });
    }
    const { protocol, node, session: id } = offer;
    if (this.#sessions.has(id) || this.#endedSessions.has(id)) return;
    const reject = (reason: CloseReason) =>
      this.nats.publish(subjects.toNode(this.id, node, id), encodeClose(reason));
    if (!speaks(protocol)) return reject(CloseReason.PROTOCOL);
    if (!this.#lifecycle.is("open") || this.#slots.isSuspended) {
      return reject(CloseReason.DRAINING);
    }
    // It asked without the heartbeat of this worker: another worker may have the memory.
    if (!hasMemory(this.options.maximum, offer)) return reject(CloseReason.FULL);
    const slot = this.#slotFor(offer);
    if (slot === undefined) {
      this.#claimer.wanted();
      return reject(CloseReason.FULL);
    }
    this.#claimer.passed();
    this.#open(id, node, slot, { isClaim: false });
  }

  /** A free slot, or the slot of the invocation that waits for this one. */
  #slotFor({ session, lentBy }: Offer): Disposable | undefined {
    if (lentBy === undefined) return this.#slots.take();
    if (!this.#sessions.has(lentBy) || [...this.#lent.values()].includes(lentBy)) return undefined;
    this.#lent.set(session, lentBy);
    return this.#slots.borrow();
  }

  #open(
    id: string,
    node: string,
    slot: Disposable,
    { isClaim }: { readonly isClaim: boolean },
  ): WorkerSession {
    const parts = {
      nats: this.nats,
      key: this.key,
      runner: this.runner,
      artifacts: this.artifacts,
      onScript: (digest: string) => void this.#scripts.set(digest, true),
    };
    const session = new WorkerSession(parts, id, node, slot, {
      isClaim,
      onEnd: () => {
        this.#sessions.delete(id);
        this.#lent.delete(id);
        this.#endedSessions.set(id, true);
      },
    });
    this.#sessions.set(id, session);
    if (this.#lifecycle.is("cut")) session.close();
    return session;
  }
}
