import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { randomUUID } from "node:crypto";
import { NatsUnusable } from "../nats/errors.ts";
import { Layout } from "./layout.ts";
import { ObjectUploads } from "./upload.ts";

const PROBE_BUCKET = "invoked_probe";
/** Free space that a full NATS must have before it counts as writable again. */
const PROBE_BYTES = 1024 * 1024;

/** NATS has too few servers for the replicas, or they have just found each other and do not know yet what each can store. */
const NO_PEERS_CODE = 10005;
/** Servers of NATS exchange what they can store every 10 s. */
const FORMING_TIMEOUT_MS = 60_000;
const FORMING_PAUSE_MS = 500;

/**
 * Tries whether NATS has space, in a separate bucket: a write that fails on a full disk can damage its stream (see
 * `stream_order.ts`). A purge of the whole stream repairs the stream of the probe.
 */
export class SpaceProbe {
  readonly #layout: Layout;
  readonly #manager: JetStreamManager;
  readonly #uploads: ObjectUploads;

  private constructor(layout: Layout, manager: JetStreamManager, uploads: ObjectUploads) {
    this.#layout = layout;
    this.#manager = manager;
    this.#uploads = uploads;
  }

  /** Creates its bucket, once NATS has enough servers. @throws NatsUnusable if they do not join within a minute */
  static async open(nats: NatsConnection, replicas: number): Promise<SpaceProbe> {
    await createOnceFormed(nats, replicas);
    const layout = new Layout(PROBE_BUCKET);
    return new SpaceProbe(
      layout,
      await jetstreamManager(nats),
      new ObjectUploads(nats, layout),
    );
  }

  /** Writes and removes bytes. @throws what NATS answers if it has no space */
  async run(): Promise<void> {
    try {
      await this.#uploads.strayChunks(`probe-${randomUUID()}`, new Uint8Array(PROBE_BYTES));
    } finally {
      await this.#manager.streams.purge(this.#layout.stream);
    }
  }
}

async function createOnceFormed(nats: NatsConnection, replicas: number): Promise<void> {
  const deadline = performance.now() + FORMING_TIMEOUT_MS;
  for (;;) {
    try {
      return await create(nats, replicas);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== NO_PEERS_CODE) throw error;
      if (performance.now() > deadline) {
        throw new NatsUnusable(
          `NATS has too few servers for --object-replicas ${replicas}: ${error.message}; ` +
            "start further servers of its cluster, or lower --object-replicas",
          { cause: error },
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, FORMING_PAUSE_MS));
  }
}

/** Creates the bucket of probes if it does not exist. */
export async function create(nats: NatsConnection, replicas: number): Promise<void> {
  await new Objm(nats).create(PROBE_BUCKET, { replicas });
}
