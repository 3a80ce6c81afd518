import {
  jetstream,
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
import { isConflict } from "./failures.ts";
import { COMMITS_BUCKET, Layout, VOLUMES_BUCKET } from "./layout.ts";
import type { StoreUser } from "./opened_store.ts";

const STREAMS = [COMMITS_BUCKET, VOLUMES_BUCKET].map((bucket) => new Layout(bucket).stream);
/** Bytes of headers beside a chunk in a message. */
const MESSAGE_HEADERS_BYTES = 4 * 1024;
/** Metadata of the streams after their first use by API nodes. */
const API_NODE_MARK = "invoked-api-node";
/** The record of the copy that fills the buckets, beside the records of objects. */
const COPY_SUBJECT = new Layout(COMMITS_BUCKET).recordSubject("copy");

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
 * @throws NatsUnusable if another copy was first
 */
export async function markAccount(nats: NatsConnection, user: StoreUser): Promise<void> {
  if (user.kind === "copy") return await claimAccount(nats, user.id);
  const manager = await managerOf(nats);
  for (const stream of STREAMS) {
    const { config } = await manager.streams.info(stream);
    if (isMarked(config)) continue;
    await manager.streams.update(stream, {
      metadata: { ...config.metadata, [API_NODE_MARK]: "yes" },
    });
  }
}

/** NATS accepts the record of one copy. */
async function claimAccount(nats: NatsConnection, id: string): Promise<void> {
  try {
    await jetstream(nats).publish(COPY_SUBJECT, id, { expect: { lastSubjectSequence: 0 } });
  } catch (error) {
    if (!isConflict(error)) throw error;
    if (await copyIn(await managerOf(nats)) === id) return;
    throw new NatsUnusable(`the account of NATS at ${nats.getServer()} ${COPIED}; ${FREE_ACCOUNT}`);
  }
}

/** What another copy has done, continuing "the account of NATS ". */
const COPIED = "has the content of another restore or copy, into another database";
/** The next step for an account that is in use. */
export const FREE_ACCOUNT = "use another account, or delete the streams OBJ_invoked_commits and " +
  "OBJ_invoked_volumes once nothing uses the account for good";

/**
 * Why a copy cannot use the account of NATS, continuing "the account of NATS "; undefined if no API node and no other
 * copy has used the account. Nodes of 0.1.0 left no mark: content that no copy has stored is the content of an
 * installation.
 * @param id of the copy
 */
export async function accountUse(nats: NatsConnection, id: string): Promise<string | undefined> {
  assertJetStream(nats);
  const manager = await managerOf(nats);
  const copy = await copyIn(manager);
  const another = (use: string) => `is that of another installation: ${use}`;
  for (const stream of STREAMS) {
    const info = await infoOf(manager, stream);
    if (info === undefined) continue;
    const { config, state } = info;
    if (isMarked(config)) return another(`its API nodes have marked the stream ${stream}`);
    if (state.messages > 0 && copy === undefined) {
      return another(`the stream ${stream} has content that no copy has stored`);
    }
  }
  return copy === undefined || copy === id ? undefined : COPIED;
}

/** The id of the copy that has claimed the account. */
async function copyIn(manager: JetStreamManager): Promise<string | undefined> {
  const [stream = ""] = STREAMS;
  if (await infoOf(manager, stream) === undefined) return undefined;
  const record = await manager.streams.getMessage(stream, { last_by_subj: COPY_SUBJECT });
  return record?.string();
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

function isMarked({ metadata }: StreamInfo["config"]): boolean {
  return metadata?.[API_NODE_MARK] !== undefined;
}
