import {
  AckPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import type { Nats } from "../nats/connection.ts";
import { NatsUnusable } from "../nats/errors.ts";
import { RUNS_CONSUMER, RUNS_STREAM, RUNS_SUBJECT } from "../nats/subjects.ts";

const NANOS_PER_MS = 1_000_000;
/** How long a repeated offer of the same attempt is dropped. */
const DUPLICATES_MS = 120_000;
/** How long a worker may keep an invocation without a sign of life; then another worker receives the invocation. */
const ACK_WAIT_MS = 30_000;
const ACKS_PENDING_MAX = 100_000;

/** Creates the work queue of asynchronous invocations and its consumer, or adapts them. */
export async function openStreams({ jetstream }: Nats): Promise<void> {
  await jetstream.streams.add({
    name: RUNS_STREAM,
    subjects: [RUNS_SUBJECT],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    duplicate_window: DUPLICATES_MS * NANOS_PER_MS,
  });
  await jetstream.consumers.add(RUNS_STREAM, {
    durable_name: RUNS_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
    max_ack_pending: ACKS_PENDING_MAX,
    max_deliver: -1,
  });
}

/**
 * Checks that no API node has used the account of NATS: buckets have fixed names, so two installations in one account
 * would delete each other's contents. A copy that did not end leaves contents, but no stream.
 * @throws NatsUnusable
 */
export async function assertUnusedAccount({ jetstream, urls }: Nats): Promise<void> {
  try {
    await jetstream.streams.info(RUNS_STREAM);
  } catch (error) {
    const isMissing = error instanceof JetStreamApiError &&
      error.code === JetStreamApiCodes.StreamNotFound;
    if (isMissing) return;
    throw error;
  }
  throw new NatsUnusable(
    `the account of NATS at ${urls} is that of another installation: its API nodes have made the stream ` +
      `${RUNS_STREAM}; use another account, or delete the stream once these nodes have stopped for good`,
  );
}
