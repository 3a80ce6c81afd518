import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { randomUUID } from "node:crypto";
import { Layout } from "./layout.ts";
import { ObjectUploads } from "./upload.ts";

const PROBE_BUCKET = "invoked_probe";
/** Free space that a full NATS must have before it counts as writable again. */
const PROBE_BYTES = 1024 * 1024;

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

  static async open(nats: NatsConnection, replicas: number): Promise<SpaceProbe> {
    await create(nats, replicas);
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

/** Creates the bucket of probes if it does not exist. */
export async function create(nats: NatsConnection, replicas: number): Promise<void> {
  await new Objm(nats).create(PROBE_BUCKET, { replicas });
}
