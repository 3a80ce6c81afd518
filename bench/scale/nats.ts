/** What NATS takes: processor time and latency of messages. */
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "../../tests/support/eventually.ts";
import { median } from "../statistics.ts";
import { ownMs } from "./processor_time.ts";

/** About a sealed job with its input, or an outcome. */
const MESSAGE_BYTES = 1024;
const IN_FLIGHT = 64;
/** A bound for a machine that is busy; no measurement. */
const PATIENCE_MS = 120_000;

export interface NatsTimes {
  /** Round trip of a request, in milliseconds: the median, one at a time. */
  readonly requestMs: number;
  /** Processor time of the server for one message from one connection to one subscription, in milliseconds. */
  readonly messageMs: number;
}

/** Measures a nats-server of its own. */
export async function measureNats(directory: string, isQuick: boolean): Promise<NatsTimes> {
  const count = isQuick ? 5_000 : 40_000;
  return await measureServer(directory, (server) => measureMessages(server, count));
}

interface Server {
  readonly pid: number;
  readonly nats: NatsConnection;
  readonly other: NatsConnection;
}

async function measureServer<T>(
  directory: string,
  measure: (server: Server) => Promise<T>,
): Promise<T> {
  const home = join(directory, "nats");
  await Deno.mkdir(home);
  const config = join(home, "nats.conf");
  await Deno.writeTextFile(
    config,
    `listen: "127.0.0.1:-1"\nports_file_dir: ${JSON.stringify(home)}\n`,
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
