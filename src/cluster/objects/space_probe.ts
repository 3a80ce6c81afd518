import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { getLogger } from "@logtape/logtape";
import { randomUUID } from "node:crypto";
import { pause } from "../../shared/pause.ts";
import { NatsUnusable } from "../nats/errors.ts";
import { Layout } from "./layout.ts";
import { ObjectUploads } from "./upload.ts";

const logger = getLogger(["invoked", "cluster"]);

const PROBE_BUCKET = "invoked_probe";
/** Free space that a full NATS must have before it counts as writable again. */
const PROBE_BYTES = 1024 * 1024;

/** NATS has too few servers for the replicas, or they have just found each other and do not know yet what each can store. */
const NO_PEERS_CODE = 10005;
/** NATS is one server alone, which stores one replica. */
const NOT_CLUSTERED_CODE = 10074;
const LACK_CODES: readonly number[] = [NO_PEERS_CODE, NOT_CLUSTERED_CODE];
/** Servers of NATS exchange what they can store every 10 s. */
const FORMING_TIMEOUT_MS = 60_000;
const FORMING_PAUSE_MS = 500;
/** How often the log says that a start waits for servers. */
const FORMING_REPORT_MS = 20_000;

/**
 * Tries whether NATS has space, in a separate bucket: a write that fails on a full disk can damage its stream (see
 * `stream_order.ts`). A purge of the whole stream repairs the stream of the probe.
 */
export class SpaceProbe {
  private constructor(
    private readonly layout: Layout,
    private readonly manager: JetStreamManager,
    private readonly uploads: ObjectUploads,
  ) {}

  /**
   * Creates its bucket, once NATS has enough servers.
   * @param stopping ends the wait
   * @throws NatsUnusable if the servers do not join within a minute, or before `stopping` aborts
   */
  static async open(
    nats: NatsConnection,
    replicas: number,
    stopping: AbortSignal,
  ): Promise<SpaceProbe> {
    await createOnceFormed(nats, replicas, stopping);
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
      await this.uploads.strayChunks(`probe-${randomUUID()}`, new Uint8Array(PROBE_BYTES));
    } finally {
      await this.manager.streams.purge(this.layout.stream);
    }
  }
}

async function createOnceFormed(
  nats: NatsConnection,
  replicas: number,
  stopping: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + FORMING_TIMEOUT_MS;
  for (let reportAt = -Infinity;;) {
    const lack = await createOrLack(nats, replicas);
    if (lack === undefined) return;
    const reason = `NATS has too few servers for --object-replicas ${replicas}: ${lack.message}`;
    const isFinal = lack.code === NOT_CLUSTERED_CODE || performance.now() > deadline;
    if (isFinal || stopping.aborted) {
      throw new NatsUnusable(
        `${reason}; start further servers of its cluster, or lower --object-replicas`,
        { cause: lack },
      );
    }
    if (performance.now() >= reportAt) {
      logger.warn("The start waits, for {seconds} s at most: {reason}", {
        seconds: Math.ceil((deadline - performance.now()) / 1000),
        reason,
      });
      reportAt = performance.now() + FORMING_REPORT_MS;
    }
    await pause(FORMING_PAUSE_MS, stopping);
  }
}

/** Creates the bucket. @returns what NATS answers if it has too few servers */
async function createOrLack(
  nats: NatsConnection,
  replicas: number,
): Promise<JetStreamApiError | undefined> {
  try {
    await create(nats, replicas);
    return undefined;
  } catch (error) {
    if (error instanceof JetStreamApiError && LACK_CODES.includes(error.code)) return error;
    throw error;
  }
}

/** Creates the bucket of probes if it does not exist. */
export async function create(nats: NatsConnection, replicas: number): Promise<void> {
  await new Objm(nats).create(PROBE_BUCKET, { replicas });
}
