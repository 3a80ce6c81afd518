import { getLogger } from "@logtape/logtape";
import { type KV, Kvm } from "@nats-io/kv";
import { type Heartbeat, readHeartbeat } from "../link/messages.ts";
import { PROTOCOLS_TEXT, speaks } from "../link/protocol.ts";
import type { Nats } from "../nats/connection.ts";
import { isId, WORKERS_BUCKET } from "../nats/subjects.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Age at which a heartbeat is gone, here and in the bucket. */
const ENTRY_LIFETIME_MS = 10_000;
/** The stream of the bucket. */
const STREAM = `KV_${WORKERS_BUCKET}`;
/** What NATS answers to whoever makes a stream that exists with another configuration. */
const NAME_TAKEN = 10058;
const EXPIRE_INTERVAL_MS = 1_000;
const WATCH_AGAIN_MS = 1_000;

/** A worker as an API node sees it. */
export interface KnownWorker {
  readonly id: string;
  readonly heartbeat: Heartbeat;
  /** Free slots in the last heartbeat, minus the slots that this node has filled since. */
  free: number;
}

/** The workers' heartbeats, as an API node follows them. */
export class Registry implements AsyncDisposable {
  readonly #nats: Nats;
  readonly #workers = new Map<string, KnownWorker & { seenAt: number }>();
  readonly #foreign = new Map<string, number>();
  readonly #closing = new AbortController();
  readonly #expiring: ReturnType<typeof setInterval>;
  #changed = Promise.withResolvers<void>();
  #watching: Promise<void> | undefined;

  private constructor(nats: Nats) {
    this.#nats = nats;
    this.#expiring = setInterval(() => this.#expire(), EXPIRE_INTERVAL_MS);
  }

  /** Creates the bucket if it is missing, and begins to follow it. */
  static async open(nats: Nats): Promise<Registry> {
    const registry = new Registry(nats);
    const first = await registry.#openBucket();
    registry.#watching = registry.#watch(first);
    return registry;
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#expiring);
    this.#notify();
    await this.#watching;
  }

  async #openBucket(): Promise<KV> {
    const options = { ttl: ENTRY_LIFETIME_MS, history: 1 };
    const create = () => new Kvm(this.#nats.connection).create(WORKERS_BUCKET, options);
    const bucket = await create().catch((error) => {
      // Another node created it after this node had found none, and has changed its configuration already.
      if (error.code !== NAME_TAKEN) throw error;
      return create();
    });
    // Otherwise a worker could erase the heartbeats of all other workers with a header in its own heartbeat.
    await this.#nats.jetstream.streams.update(STREAM, { allow_rollup_hdrs: false });
    return bucket;
  }

  /** Follows the bucket; begins again after an error, such as the loss of NATS or of the bucket. */
  async #watch(first: KV): Promise<void> {
    let bucket: KV | undefined = first;
    while (!this.#closing.signal.aborted) {
      try {
        bucket ??= await this.#openBucket();
        const heartbeats = await bucket.watch();
        const stop = () => heartbeats.stop();
        this.#closing.signal.addEventListener("abort", stop, { once: true });
        if (this.#closing.signal.aborted) stop();
        for await (const { key, operation, value } of heartbeats) {
          if (operation === "PUT") this.#put(key, value);
          else this.forget(key);
        }
      } catch (error) {
        logger.debug("Failed to follow the heartbeats of workers: {error}", { error });
      }
      bucket = undefined;
      if (!this.#closing.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, WATCH_AGAIN_MS));
      }
    }
  }

  #put(id: string, value: Uint8Array): void {
    if (!isId(id)) return;
    let heartbeat: Heartbeat;
    try {
      heartbeat = readHeartbeat(value);
    } catch (error) {
      const { message } = error as Error;
      return logger.warn("Invalid heartbeat of worker {id}: {message}", { id, message });
    }
    if (!speaks(heartbeat.protocol)) return this.#reportForeign(id, heartbeat.protocol);
    this.#foreign.delete(id);
    if (!this.#workers.has(id) && !heartbeat.isDraining) {
      const { capacity, version } = heartbeat;
      logger.info("Worker {id} has {capacity} slots, version {version}", { id, capacity, version });
    }
    this.#workers.set(id, { id, heartbeat, free: heartbeat.free, seenAt: performance.now() });
    this.#notify();
  }

  #reportForeign(id: string, protocol: number): void {
    this.#workers.delete(id);
    if (this.#foreign.get(id) === protocol) return;
    this.#foreign.set(id, protocol);
    logger.error(
      "Worker {id} receives no invocations: it speaks protocol {protocol}, this server works with {own}; upgrade the older",
      { id, protocol, own: PROTOCOLS_TEXT },
    );
  }

  #expire(): void {
    const oldest = performance.now() - ENTRY_LIFETIME_MS;
    for (const { id, seenAt } of this.#workers.values()) {
      if (seenAt >= oldest) continue;
      logger.warn("Worker {id} is gone: its heartbeat is older than {lifetimeMs} ms", {
        id,
        lifetimeMs: ENTRY_LIFETIME_MS,
      });
      this.forget(id);
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
