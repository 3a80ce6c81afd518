/**
 * Restarts a server on a held socket under load, and counts what its clients notice.
 *
 *     deno task restarts [--holder manager|parent] [--restarts 50] [--new 40] [--kept 10] [--kept-pause 500]
 *
 * `manager`: this program holds the socket, as systemd does; each server gets SIGTERM and drains. `parent`:
 * `--restart-on-failure` holds it; each server gets SIGKILL, so the requests that it has accepted are lost. So many
 * invocations a second come on connections of their own, whether or not earlier ones were answered; each kept connection
 * invokes again after a random pause around the given milliseconds. No client repeats a request.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { HeldSocket } from "../src/shared/held_socket.ts";
import { eventually } from "../tests/support/eventually.ts";
import { HeldServer } from "../tests/support/held_server.ts";
import { makeTempDir } from "../tests/support/invoked.ts";
import {
  type Asked,
  askOnce,
  invokeRequest,
  keepAsking,
  type LineTarget,
} from "../tests/support/line.ts";
import { allGone, childrenOf } from "../tests/support/processes.ts";
import { fillDataDir, type Served, TestServer } from "../tests/support/server.ts";
import { describeMachine, loadAverage } from "./machine.ts";
import { percentile } from "./statistics.ts";
import { HELLO } from "./workload.ts";

/** The defaults, which tests change. */
const FLAGS = ["--pool-size", "8", "--max-wait", "1s", "--log-level", "warning"];

/** Requests that began so shortly before or after the end of a server may have been accepted by that server. */
const CUT_MS = 1_000;
/** In the body of an answer. */
const REASON = /"reason":"(\w+)"/;

/** A server that this program can restart. */
interface Restartable {
  readonly server: Served;
  /** Time under load before each restart. */
  readonly steadyMs: number;
  /** Ends the running server; resolves with the time of the end, and once another is ready. */
  restart(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function underManager(dataDir: string): Promise<Restartable> {
  const socket = await HeldSocket.bind("127.0.0.1", 0);
  const start = () => HeldServer.start(socket, { dataDir, flags: FLAGS });
  let server = await start();
  return {
    server,
    steadyMs: 3_000,
    async restart() {
      const now = performance.now();
      assert.equal(await server.stop(), 0);
      server = await start();
      return now;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      socket[Symbol.dispose]();
    },
  };
}

async function underParent(dataDir: string): Promise<Restartable> {
  const flags = [...FLAGS, "--restart-on-failure"];
  const server = await TestServer.start({ dataDir, flags });
  return {
    server,
    // After that time, the parent has forgotten the last failure.
    steadyMs: 10_500,
    async restart() {
      const [pid] = childrenOf(server.pid);
      assert.ok(pid);
      const now = performance.now();
      Deno.kill(pid, "SIGKILL");
      await allGone([pid]);
      await eventually(
        () =>
          fetch(`${server.url}/readyz`).then(async (answer) => (await answer.text()) || undefined),
        "a ready server",
      );
      return now;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Sends requests on new connections until the signal aborts. */
async function openLoop(
  target: LineTarget,
  request: string,
  { asked, perSecond, signal }: {
    readonly asked: Asked;
    readonly perSecond: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const start = performance.now();
  const sent: Promise<void>[] = [];
  while (!signal.aborted) {
    const due = start + sent.length * 1000 / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    sent.push(askOnce(target, request, asked));
  }
  await Promise.all(sent);
}

const { values } = parseArgs({
  options: {
    holder: { type: "string", default: "manager" },
    restarts: { type: "string", default: "50" },
    new: { type: "string", default: "40" },
    kept: { type: "string", default: "10" },
    "kept-pause": { type: "string", default: "500" },
  },
});
const restarts = Number(values.restarts);
const keptPauseMs = Number(values["kept-pause"]);
await using directory = await makeTempDir();
await fillDataDir(directory.path);
await using running = await (values.holder === "parent" ? underParent : underManager)(
  directory.path,
);
const client = await running.server.client();
const functionId = await client.deploy(HELLO.source);
const { port } = new URL(running.server.url);
const target = { hostname: "127.0.0.1", port: Number(port) };
const request = invokeRequest(functionId, client.token ?? "", JSON.parse(HELLO.input));
const stopping = new AbortController();
const { signal } = stopping;
const onNew: Asked = { waits: [], failures: [] };
const onKept: Asked = { waits: [], failures: [] };
const pauseMs = () => keptPauseMs * (0.5 + Math.random());
const clients = [
  openLoop(target, request, { asked: onNew, perSecond: Number(values.new), signal }),
  ...Array.from(
    { length: Number(values.kept) },
    () => keepAsking(target, request, onKept, { pauseMs, signal }),
  ),
];
const rest = () => new Promise((resolve) => setTimeout(resolve, running.steadyMs));
const ends: number[] = [];
const durations: number[] = [];
for (let n = 0; n < restarts; n++) {
  await rest();
  const start = performance.now();
  ends.push(await running.restart());
  durations.push(performance.now() - start);
}
await rest();
stopping.abort();
await Promise.all(clients);

const ms = (value: number) => `${Math.round(value)} ms`;
const { processor, cores, kernel } = describeMachine();
console.log(`${processor}, ${cores} cores, ${kernel}; load ${loadAverage()}`);
console.log(
  `${restarts} restarts, held by the ${values.holder}: ready again after ${
    ms(percentile(durations, 50))
  } (median), ${ms(Math.max(...durations))} (longest)`,
);
for (const [name, { waits, failures }] of Object.entries({ "new": onNew, kept: onKept })) {
  const unexpected = failures.filter(({ startMs }) => !ends.some((end) => isCut(startMs, end)));
  console.log(
    `${name} connections: ${waits.length} answered, p50 ${ms(percentile(waits, 50))}, longest ${
      ms(Math.max(...waits))
    }; ${failures.length} failed, ${unexpected.length} of them not within 1 s of the end of a server`,
  );
  const kinds = Object.groupBy(failures, ({ error }) => REASON.exec(error)?.[1] ?? error);
  for (const [kind, found = []] of Object.entries(kinds)) {
    console.log(`  ${found.length} × ${kind}`);
  }
}

/** Whether the server that ended may have accepted the request. */
function isCut(startMs: number, endMs: number): boolean {
  return Math.abs(startMs - endMs) < CUT_MS;
}
