import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamInfo,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { COMMITS_BUCKET, Layout } from "./layout.ts";

const { stream: STREAM } = new Layout(COMMITS_BUCKET);
/** Metadata of the stream of commits once an API node has used the account. */
const MARK = "invoked-api-node";

/**
 * Marks the account of NATS as that of an installation. Buckets have fixed names, so two installations in one account
 * would delete each other's contents.
 */
export async function markAccount(nats: NatsConnection): Promise<void> {
  const manager = await managerOf(nats);
  const { config } = await manager.streams.info(STREAM);
  if (isMarked(config)) return;
  await manager.streams.update(STREAM, { metadata: { ...config.metadata, [MARK]: "yes" } });
}

/** The stream that shows that API nodes have used the account; undefined if none has. A copy alone leaves no mark. */
export async function markedStream(nats: NatsConnection): Promise<string | undefined> {
  const manager = await managerOf(nats);
  try {
    const { config } = await manager.streams.info(STREAM);
    return isMarked(config) ? STREAM : undefined;
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
  return metadata?.[MARK] !== undefined;
}
