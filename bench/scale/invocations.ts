/** Costs of one invocation for the parts of a real cluster: processor time and messages. */
import { connect } from "@nats-io/transport-node";
import { PROTOCOL } from "../../src/cluster/link/protocol.ts";
import { subjects } from "../../src/cluster/nats/subjects.ts";
import { TestCluster } from "../../tests/cluster/cluster.ts";
import { oneByOne, saturate } from "../load.ts";
import { processorMs } from "./processor_time.ts";

/** The function of the other benchmarks: it does next to nothing. */
const SOURCE = "export default ({ name }) => ({ text: `Hello, ${name}!` });";
const CALLERS = 4;
const WORKERS = 2;
/** Scripts that a heartbeat lists. */
const SCRIPTS = 8;

export interface InvocationTimes {
  /** Processor time of the API node for one synchronous invocation, in milliseconds. */
  readonly apiMs: number;
  /** Processor time of the worker, its templates and its instance. */
  readonly workerMs: number;
  /** Messages that API node and worker exchange. */
  readonly messages: number;
  /** Processor time of an API node for one heartbeat of a worker. */
  readonly heartbeatMs: number;
}

/** Measures a cluster of its own: PostgreSQL, NATS, one API node and two workers. */
export async function measureInvocations(isQuick: boolean): Promise<InvocationTimes> {
  await using cluster = await TestCluster.start({ tls: false }, { tls: false });
  const flags = ["--api-rate", "0", "--token-rate", "0", "--log-level", "warning"];
  const node = await cluster.node({ flags });
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, () => cluster.worker({ capacity: CALLERS })),
  );
  const client = await node.client();
  const id = await client.deploy(SOURCE);
  const call = async () => {
    const { status, body } = await client.invoke(id, { name: "world" });
    if (status !== 200 || body.json === undefined) {
      throw new Error(`The cluster answered ${status}: ${JSON.stringify(body)}`);
    }
  };
  await oneByOne(20, 0, call);
  const messages = await countMessages(cluster.nats.address.url, isQuick ? 20 : 200, call);

  const pids = [node.pid, ...workers.map(({ process }) => process.pid)];
  const before = await Promise.all(pids.map(processorMs));
  const { samples } = await saturate(CALLERS, { ms: isQuick ? 3_000 : 30_000 }, call);
  const after = await Promise.all(pids.map(processorMs));
  const [apiMs = 0, ...workersMs] = after.map((ms, at) =>
    (ms - (before[at] ?? 0)) / samples.length
  );
  return {
    apiMs,
    workerMs: workersMs.reduce((sum, ms) => sum + ms, 0),
    messages,
    heartbeatMs: await measureHeartbeats(
      cluster.nats.address.url,
      node,
      isQuick ? 2_000 : 40_000,
    ),
  };
}

async function countMessages(servers: string, times: number, call: () => Promise<void>) {
  const nats = await connect({ servers });
  let count = 0;
  nats.subscribe("invoked.v1.>", { callback: () => void count++ });
  await nats.flush();
  await oneByOne(times, 0, call);
  await nats.flush();
  await nats.close();
  return count / times;
}

/** Sends heartbeats as full workers would. */
async function measureHeartbeats(
  servers: string,
  { pid, url }: { readonly pid: number; readonly url: string },
  count: number,
): Promise<number> {
  const nats = await connect({ servers });
  const digest = "0123456789abcdef".repeat(4);
  const heartbeat = JSON.stringify({
    protocol: PROTOCOL,
    version: "0.1.0",
    capacity: 4,
    free: 0,
    ready: Array(SCRIPTS).fill(digest),
    scriptList: digest.slice(0, 32),
    publicKey: new Uint8Array(65).fill(4).toBase64(),
    isDraining: false,
  });
  const before = await processorMs(pid);
  for (let n = 0; n < count; n++) {
    nats.publish(subjects.heartbeat(`bench${n % 1000}`), heartbeat);
    if (n % 64 === 0) await nats.flush();
  }
  await nats.flush();
  // The node answers after the heartbeats that it has received before.
  await (await fetch(new URL("/healthz", url))).text();
  const taken = await processorMs(pid) - before;
  await nats.close();
  return taken / count;
}
