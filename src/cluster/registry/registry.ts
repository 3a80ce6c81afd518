import { getLogger } from "@logtape/logtape";
import { encode, type Heartbeat, readHeartbeat, readProtocol } from "../link/messages.ts";
import { PROTOCOL, PROTOCOLS_TEXT, speaks } from "../link/protocol.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { isId, partsOf, subjects } from "../nats/subjects.ts";
import { warnOf } from "../nats/worker_warnings.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Age at which a heartbeat is gone. */
const HEARTBEAT_LIFETIME_MS = 10_000;
const EXPIRE_INTERVAL_MS = 1_000;

/** A worker as an API node sees it. */
export interface KnownWorker {
  readonly id: string;
  readonly heartbeat: Heartbeat;
  /** Free slots in the last heartbeat, minus the slots that this node has filled since. */
  free: number;
}

/** The workers' heartbeats, as an API node receives them. */
export class Registry implements Disposable {
  readonly #workers = new Map<string, KnownWorker & { seenAt: number }>();
  readonly #foreign = new Map<string, number>();
  #rejects = false;
  readonly #subscription: Disposable;
  readonly #expiring: ReturnType<typeof setInterval>;
  #changed = Promise.withResolvers<void>();

  private constructor(private readonly nats: Nats) {
    this.#subscription = nats.subscribe(
      subjects.heartbeats(),
      (message) => this.#receive(message),
    );
    this.#expiring = setInterval(() => this.#expire(), EXPIRE_INTERVAL_MS);
  }

  /** Asks all workers for a heartbeat, now and after each new connection. @throws what NATS does not permit */
  static async open(nats: Nats): Promise<Registry> {
    const registry = new Registry(nats);
    const callRoll = () => nats.publish(subjects.rollCall(), new Uint8Array());
    callRoll();
    await nats.flushed();
    nats.onReconnected(() => Promise.resolve(callRoll()));
    return registry;
  }

  /**
   * From now on workers with another protocol are asked to end. Not before this node has joined the other nodes: a node
   * that may not join them must not end their workers.
   */
  rejectForeign(): void {
    this.#rejects = true;
  }

  /** Workers with a fresh heartbeat that speak this protocol and accept invocations. */
  get workers(): readonly KnownWorker[] {
    return [...this.#workers.values()].filter(({ heartbeat }) => !heartbeat.isDraining);
  }

  /** All workers with a fresh heartbeat, including draining workers. */
  get all(): readonly KnownWorker[] {
    return [...this.#workers.values()];
  }

  get(id: string): KnownWorker | undefined {
    return this.#workers.get(id);
  }

  /** Slots of all workers that accept invocations. */
  get capacity(): number {
    return this.workers.reduce((sum, { heartbeat }) => sum + heartbeat.capacity, 0);
  }

  /** Resolves when a heartbeat changed. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** A slot of the worker was taken (-1) or released (1) since its last heartbeat. */
  adjust(id: string, slots: 1 | -1): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    worker.free = Math.max(0, Math.min(worker.heartbeat.capacity, worker.free + slots));
    if (slots > 0) this.#notify();
  }

  /** The worker is gone, or says so: no offer goes to it before its next heartbeat. */
  forget(id: string): void {
    if (this.#workers.delete(id)) this.#notify();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#expiring);
    this.#subscription[Symbol.dispose]();
    this.#notify();
  }

  /** A worker is hostile. NATS permits a worker only its own subject. */
  #receive({ subject, bytes }: ReceivedMessage): void {
    const [, id] = partsOf(subject);
    if (!isId(id)) return;
    try {
      const protocol = readProtocol(bytes);
      if (speaks(protocol)) this.#put(id, readHeartbeat(bytes));
      else this.#reject(id, protocol);
    } catch (error) {
      const { message } = error as Error;
      warnOf(id, "Invalid heartbeat of worker {worker}: {message}", { message });
    }
  }

  #put(id: string, heartbeat: Heartbeat): void {
    this.#foreign.delete(id);
    if (!this.#workers.has(id) && !heartbeat.isDraining) {
      const { capacity, version } = heartbeat;
      logger.info("Worker {id} has {capacity} slots, version {version}", { id, capacity, version });
    }
    this.#workers.set(id, { id, heartbeat, free: heartbeat.free, seenAt: performance.now() });
    this.#notify();
  }

  /** The worker ends once it knows that no invocation can reach it. */
  #reject(id: string, protocol: number): void {
    if (this.#rejects) this.nats.publish(subjects.foreign(id), encode({ protocol: PROTOCOL }));
    this.forget(id);
    if (this.#foreign.get(id) === protocol) return;
    this.#foreign.set(id, protocol);
    logger.error(
      "Worker {id} receives no invocations: it speaks protocol {protocol}, this server works with {own}; upgrade the older",
      { id, protocol, own: PROTOCOLS_TEXT },
    );
  }

  #expire(): void {
    const oldest = performance.now() - HEARTBEAT_LIFETIME_MS;
    for (const { id, seenAt } of this.#workers.values()) {
      if (seenAt >= oldest) continue;
      logger.warn("Worker {id} is gone: its heartbeat is older than {lifetimeMs} ms", {
        id,
        lifetimeMs: HEARTBEAT_LIFETIME_MS,
      });
      this.forget(id);
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
