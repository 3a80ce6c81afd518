import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamInfo,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { formatBytes } from "../../config/mod.ts";
import { NatsUnusable } from "../nats/errors.ts";
import { CHUNK_BYTES } from "./codec.ts";
import { COMMITS_BUCKET, Layout, VOLUMES_BUCKET } from "./layout.ts";
import type { StoreUser } from "./opened_store.ts";

const STREAMS = [COMMITS_BUCKET, VOLUMES_BUCKET].map((bucket) => new Layout(bucket).stream);
/** Bytes of headers beside a chunk in a message. */
const MESSAGE_HEADERS_BYTES = 4 * 1024;
/** Metadata of the streams after their first use. */
const MARKS: Readonly<Record<StoreUser, string>> = {
  "API node": "invoked-api-node",
  copy: "invoked-copy",
};

/** Checks that NATS can store content. With S3, NATS carries only messages. @throws NatsUnusable */
export function assertJetStream(nats: NatsConnection): void {
  if (nats.info?.jetstream) return;
  throw new NatsUnusable(
    `JetStream of NATS at ${nats.getServer()} is off; add "jetstream {}" to its configuration, or store content in S3 ` +
      "with --objects",
  );
}

/** Checks that a message of NATS can have a chunk of an object. @throws NatsUnusable */
export function assertMessageSize(nats: NatsConnection): void {
  const maxPayload = nats.info?.max_payload ?? 0;
  const needed = CHUNK_BYTES + MESSAGE_HEADERS_BYTES;
  if (maxPayload >= needed) return;
  throw new NatsUnusable(
    `the limit of messages of NATS is too low: its max_payload is ${formatBytes(maxPayload)}, ` +
      `and must be at least ${formatBytes(needed)}`,
  );
}

/**
 * Marks the account of NATS as that of an installation, or of a copy that no API node has used yet. Buckets have fixed
 * names, so two installations in one account would delete each other's contents.
 */
export async function markAccount(nats: NatsConnection, user: StoreUser): Promise<void> {
  const manager = await managerOf(nats);
  for (const stream of STREAMS) {
    const { config } = await manager.streams.info(stream);
    if (isMarked(config, user)) continue;
    await manager.streams.update(stream, {
      metadata: { ...config.metadata, [MARKS[user]]: "yes" },
    });
  }
}

/**
 * Why the account of NATS is that of another installation, continuing "another installation: "; undefined if no API node
 * has used the account. Nodes of 0.1.0 left no mark: content that no copy has stored is the content of an installation.
 */
export async function accountUse(nats: NatsConnection): Promise<string | undefined> {
  assertJetStream(nats);
  const manager = await managerOf(nats);
  for (const stream of STREAMS) {
    const info = await infoOf(manager, stream);
    if (info === undefined) continue;
    const { config, state } = info;
    if (isMarked(config, "API node")) return `its API nodes have marked the stream ${stream}`;
    if (state.messages > 0 && !isMarked(config, "copy")) {
      return `the stream ${stream} has content that no copy has stored`;
    }
  }
  return undefined;
}

async function infoOf(manager: JetStreamManager, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    const isMissing = error instanceof JetStreamApiError &&
      error.code === JetStreamApiCodes.StreamNotFound;
    if (isMissing) return undefined;
    throw error;
  }
}

async function managerOf(nats: NatsConnection): Promise<JetStreamManager> {
  return await jetstreamManager(nats, { checkAPI: false });
}

function isMarked({ metadata }: StreamInfo["config"], user: StoreUser): boolean {
  return metadata?.[MARKS[user]] !== undefined;
}
