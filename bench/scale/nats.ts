/** What NATS takes: processor time and latency of messages, of stored messages, and of workers' entries. */
import { join } from "node:path";
import {
  AckPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "../../tests/support/eventually.ts";
import { median } from "../statistics.ts";
import { ownMs } from "./processor_time.ts";

/** About a sealed job with its input, or an outcome. */
const MESSAGE_BYTES = 1024;
/** About the entry of a worker with some scripts ready. */
const ENTRY_BYTES = 700;
const IN_FLIGHT = 64;
/** Bounds for a machine that is busy; no measurements. */
const ANSWER_TIMEOUT_MS = 60_000;
const PATIENCE_MS = 120_000;
const WATCHERS = 8;

export interface NatsTimes {
  /** Round trip of a request, in milliseconds: the median, one at a time. */
  readonly requestMs: number;
  /** Processor time of the server for one message from one connection to one subscription, in milliseconds. */
  readonly messageMs: number;
  /** Time of the stream for one stored and acknowledged message, many under way; its processor time besides. */
  readonly stored: Readonly<Record<"memory" | "file" | "synced", StoredTimes>>;
  /** Processor time of the server to deliver one stored message to one watcher. */
  readonly watchMs: number;
  /** Processor time of the server to hand out and acknowledge a message of the work queue. */
  readonly pullMs: number;
}

interface StoredTimes {
  readonly streamMs: number;
  readonly processorMs: number;
  /** One at a time: from the publication to the acknowledgement. */
  readonly latencyMs: number;
}

/** Measures a nats-server of its own on a directory of the disk that is measured. */
export async function measureNats(directory: string, isQuick: boolean): Promise<NatsTimes> {
  const count = isQuick ? 5_000 : 40_000;
  const relaxed = await measureServer(
    directory,
    "relaxed",
    "",
    (server) => measureAll(server, count),
  );
  const synced = await measureServer(
    directory,
    "synced",
    "sync_interval: always",
    (server) => measureStored(server, StorageType.File, count / 20),
  );
  return { ...relaxed, stored: { ...relaxed.stored, synced } };
}

interface Server {
  readonly pid: number;
  readonly nats: NatsConnection;
  readonly other: NatsConnection;
}

async function measureServer<T>(
  directory: string,
  name: string,
  jetstreamLines: string,
  measure: (server: Server) => Promise<T>,
): Promise<T> {
  const home = join(directory, `nats-${name}`);
  await Deno.mkdir(home);
  const store = JSON.stringify(join(home, "streams"));
  const config = join(home, "nats.conf");
  await Deno.writeTextFile(
    config,
    `listen: "127.0.0.1:-1"\nports_file_dir: ${JSON.stringify(home)}\n` +
      `jetstream {\n  store_dir: ${store}\n  ${jetstreamLines}\n}\n`,
  );
  const process = new Deno.Command("nats-server", { args: ["-c", config], stderr: "null" }).spawn();
  try {
    const servers = await eventually(async () => {
      const file = join(home, `nats-server_${process.pid}.ports`);
      return await Deno.readTextFile(file).then(
        (text) => JSON.parse(text).nats[0],
        () => undefined,
      );
    }, "a nats-server");
    const nats = await connect({ servers });
    const other = await connect({ servers });
    const measured = await measure({ pid: process.pid, nats, other });
    await nats.close();
    await other.close();
    return measured;
  } finally {
    process.kill("SIGKILL");
    await process.status;
  }
}

async function measureAll(server: Server, count: number) {
  const { requestMs, messageMs } = await measureMessages(server, count);
  const memory = await measureStored(server, StorageType.Memory, count);
  const file = await measureStored(server, StorageType.File, count);
  const watchMs = await measureWatchers(server, count / 10, memory.processorMs);
  const pullMs = await measurePull(server, count / 10);
  return { requestMs, messageMs, stored: { memory, file }, watchMs, pullMs };
}

async function measureMessages({ pid, nats, other }: Server, count: number) {
  const payload = new Uint8Array(MESSAGE_BYTES);
  other.subscribe("echo", { callback: (_, message) => void message.respond(payload) });
  await other.flush();
  const samples: number[] = [];
  for (let n = 0; n < count / 50; n++) {
    const start = performance.now();
    await nats.request("echo", payload);
    samples.push(performance.now() - start);
  }
  const before = await ownMs(pid);
  let received = 0;
  other.subscribe("one", { callback: () => void received++ });
  await other.flush();
  for (let n = 0; n < count; n++) {
    nats.publish("one", payload);
    if (n % IN_FLIGHT === 0) await nats.flush();
  }
  await eventually(
    () => Promise.resolve(received === count || undefined),
    "all messages",
    PATIENCE_MS,
  );
  return { requestMs: median(samples), messageMs: (await ownMs(pid) - before) / count };
}

async function measureStored(
  { pid, nats }: Server,
  storage: StorageType,
  count: number,
): Promise<StoredTimes> {
  const name = `stored_${storage}`;
  await (await jetstreamManager(nats)).streams.add({
    name,
    subjects: [`${name}.*`],
    storage,
    max_msgs_per_subject: 1,
  });
  const js = jetstream(nats, { timeout: ANSWER_TIMEOUT_MS });
  const payload = new Uint8Array(ENTRY_BYTES);
  const publish = (n: number) => js.publish(`${name}.${n % 1000}`, payload);
  const latencies: number[] = [];
  for (let n = 0; n < Math.max(50, count / 100); n++) {
    const start = performance.now();
    await publish(n);
    latencies.push(performance.now() - start);
  }
  const before = await ownMs(pid);
  const start = performance.now();
  await inParallel(IN_FLIGHT, count, publish);
  return {
    streamMs: (performance.now() - start) / count,
    processorMs: (await ownMs(pid) - before) / count,
    latencyMs: median(latencies),
  };
}

/** @param storeMs processor time of the store alone */
async function measureWatchers({ pid, nats, other }: Server, count: number, storeMs: number) {
  const name = "watched";
  // Keeps every message: a watcher that is late would miss those that a later one replaced.
  await (await jetstreamManager(nats)).streams.add({
    name,
    subjects: [`${name}.*`],
    storage: StorageType.Memory,
  });
  const js = jetstream(other);
  const from = jetstream(nats, { timeout: ANSWER_TIMEOUT_MS });
  let received = 0;
  const stopping: (() => void)[] = [];
  for (let watcher = 0; watcher < WATCHERS; watcher++) {
    const consumer = await js.consumers.get(name, { deliver_policy: "new" as never });
    const messages = await consumer.consume({ callback: () => void received++ });
    stopping.push(() => messages.stop());
  }
  await other.flush();
  const payload = new Uint8Array(ENTRY_BYTES);
  const before = await ownMs(pid);
  await inParallel(
    IN_FLIGHT,
    count,
    (n) => from.publish(`${name}.${n % 1000}`, payload),
  );
  await eventually(
    () => Promise.resolve(received >= count * WATCHERS || undefined),
    "all entries",
    PATIENCE_MS,
  );
  const total = (await ownMs(pid) - before) / count;
  for (const stop of stopping) stop();
  return Math.max(0, total - storeMs) / WATCHERS;
}

async function measurePull({ pid, nats, other }: Server, count: number) {
  const manager = await jetstreamManager(nats);
  await manager.streams.add({
    name: "runs",
    subjects: ["runs"],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
  });
  await manager.consumers.add("runs", { durable_name: "workers", ack_policy: AckPolicy.Explicit });
  const queue = jetstream(nats, { timeout: ANSWER_TIMEOUT_MS });
  await inParallel(IN_FLIGHT, count, () => queue.publish("runs", "2x".repeat(13)));
  const consumer = await jetstream(other).consumers.get("runs", "workers");
  const before = await ownMs(pid);
  for (let left = count; left > 0;) {
    // As a worker with few free slots asks.
    for await (const message of await consumer.fetch({ max_messages: Math.min(4, left) })) {
      message.ack();
      left--;
    }
  }
  await other.flush();
  return (await ownMs(pid) - before) / count;
}

async function inParallel(width: number, count: number, work: (n: number) => Promise<unknown>) {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    while (next < count) await work(next++);
  }));
}
