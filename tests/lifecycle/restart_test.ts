/** A restart on a socket that another process holds: no client is rejected. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { HeldSocket } from "../../src/shared/held_socket.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { HeldServer } from "../support/held_server.ts";
import { makeTempDir } from "../support/invoked.ts";
import {
  type Asked,
  askOnce,
  getRequest,
  invokeRequest,
  keepAsking,
  Line,
  type LineTarget,
} from "../support/line.ts";
import {
  allGone,
  argumentsOf,
  childrenOf,
  descendantsOf,
  descriptorsOf,
} from "../support/processes.ts";
import { fillDataDir, serveCommand, SERVER_ENV, TestServer } from "../support/server.ts";
import { allow } from "../egress/support.ts";
import { ECHO, HANG } from "../invocations/functions.ts";
import { Barrier, BARRIER_FLAGS } from "../volumes/barrier.ts";

const WAITER = `export default async ({ url }) => ({ said: await (await fetch(url)).text() });`;
/** Between two requests of one client. */
const PAUSE_MS = 50;
const PROBE = getRequest("/readyz");

/** Functions of the servers on one data directory. */
interface Deployed {
  readonly token: string;
  readonly echo: string;
  /** Waits at the barrier. */
  readonly waiter: string;
  readonly barrier: Barrier;
}

async function deploy(client: Client): Promise<Deployed> {
  const barrier = new Barrier();
  const echo = await client.deploy(ECHO);
  const waiter = await client.deploy(WAITER);
  await allow(client, waiter, [barrier.host]);
  return { token: client.token ?? "", echo, waiter, barrier };
}

/** Stops a server while all kinds of connections are open, and starts the next. Answers an invocation that it leaves. */
async function stopsWithAllKinds(
  { echo, waiter, token, barrier }: Deployed,
  target: LineTarget,
  server: HeldServer,
  startNext: () => Promise<HeldServer>,
): Promise<{ readonly next: HeldServer; readonly leftId: string }> {
  const url = barrier.next();
  const open = () => Line.open(target);
  using running = await open();
  using sending = await open();
  using fresh = await open();
  using background = await open();
  using probe = await open();
  using following = await open();
  const whole = invokeRequest(echo, token, { n: 1 });
  assert.equal((await sending.ask(whole)).closes, false);
  await running.send(invokeRequest(waiter, token, { url }));
  await barrier.arrived(url);
  const invocations = `/api/v1/functions/${waiter}/invocations`;
  const { list: [{ id }] } = JSON.parse((await following.ask(getRequest(invocations, token))).body);
  const logs = `${invocations}/${id}/logs`;
  await following.send(getRequest(logs, token, "Accept: text/event-stream\r\n"));
  await following.begun();
  await sending.send(whole.slice(0, -10));
  await server.beginStop();

  const answers = [
    await fresh.ask(whole),
    await probe.ask(PROBE),
    await background.ask(invokeRequest(echo, token, { n: 2 }, "Prefer: respond-async\r\n")),
  ];
  await sending.send(whole.slice(-10));
  answers.push(await sending.answer());
  using late = await open();
  const waiting = late.ask(whole);
  barrier.open(url);
  answers.push(await running.answer());
  // The head of this one has left before the stop: its connection stays open for one more request.
  const { status: followed, closes: isLast } = await following.answer();
  assert.deepEqual([followed, isLast], [200, false]);
  answers.push(await following.ask(whole));
  const shown = answers.map(({ status, closes, body }) => [status, closes, body]);
  assert.ok(answers.every(({ status, closes }) => status === 200 && closes), `${shown}`);
  assert.equal(await server.ended, 0, server.output.log);

  const next = await startNext();
  const { status, closes } = await waiting;
  assert.deepEqual([status, closes], [200, false]);
  return { next, leftId: JSON.parse(answers[2]?.body ?? "").invocationId };
}

/** Stops a server that may drain for an hour, while a client without a token sends a body that never ends. */
async function stopsWithoutUnproved(
  { echo, token }: Deployed,
  target: LineTarget,
  server: HeldServer,
): Promise<void> {
  using unproved = await Line.open(target);
  using proved = await Line.open(target);
  const whole = invokeRequest(echo, token, { n: 3 });
  assert.equal((await unproved.ask(PROBE)).status, 200);
  assert.equal((await proved.ask(whole)).status, 200);
  await unproved.send(
    "POST /auth/v1/token HTTP/1.1\r\nHost: localhost\r\n" +
      "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ngrant",
  );
  await proved.send(whole.slice(0, -10));
  await server.beginStop();
  await eventually(() => unproved.isClosed || undefined, "the end of the unproved connection");
  await proved.send(whole.slice(-10));
  const { status, closes } = await proved.answer();
  assert.deepEqual([status, closes], [200, true]);
  assert.equal(await server.ended, 0, server.output.log);
}

/** Clients that ask all the time, on new connections and on kept ones. */
class Clients implements AsyncDisposable {
  readonly #asked: Asked = { waits: [], failures: [] };
  readonly #stopping = new AbortController();
  readonly #clients: readonly Promise<void>[];

  constructor(target: LineTarget, request: string) {
    const { signal } = this.#stopping;
    const options = { pauseMs: () => PAUSE_MS, signal };
    const once = async () => {
      for (; !signal.aborted; await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))) {
        await askOnce(target, request, this.#asked);
      }
    };
    const kept = () => keepAsking(target, request, this.#asked, options);
    this.#clients = [once(), once(), kept(), kept(), kept()];
  }

  /** Resolves after some more answers. */
  async answered(): Promise<void> {
    const before = this.#asked.waits.length;
    await eventually(() => this.#asked.waits.length > before + 10 || undefined, "answers");
  }

  /** Asserts that nothing has failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#clients);
    assert.deepEqual(this.#asked.failures, []);
  }
}

/** Restarts a server under load so often; answers the last one. */
async function restartsUnderLoad(
  { echo, token }: Deployed,
  target: LineTarget,
  first: HeldServer,
  startNext: () => Promise<HeldServer>,
  restarts: number,
): Promise<HeldServer> {
  await using clients = new Clients(target, invokeRequest(echo, token, {}));
  let server = first;
  for (let n = 0; n < restarts; n++) {
    await clients.answered();
    assert.equal(await server.stop(), 0, server.output.log);
    server = await startNext();
  }
  await clients.answered();
  return server;
}

Deno.test("a restart on a held socket loses no request", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  await fillDataDir(dataDir);
  using socket = await HeldSocket.bind("127.0.0.1", 0);
  const { port } = socket.address;
  const starting = (more: readonly string[] = []) => async () =>
    await HeldServer.start(socket, { dataDir, flags: [...BARRIER_FLAGS, ...more] });
  let server = await starting()();
  await using _last = { [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  assert.equal(server.url, `http://127.0.0.1:${port}`);
  const client = await server.client();
  const deployed = await deploy(client);
  const plain = { hostname: "127.0.0.1", port };
  await t.step("whatever its connection does", async () => {
    const { next, leftId } = await stopsWithAllKinds(deployed, plain, server, starting());
    server = next;
    assert.deepEqual((await client.ended(deployed.echo, leftId)).output, { n: 2 });
  });
  await t.step("under load", async () => {
    server = await restartsUnderLoad(deployed, plain, server, starting(), 2);
  });
  await t.step("with TLS", async () => {
    await server.stop();
    const patient = ["--drain-timeout", "1h", "--request-timeout", "1h"];
    const secure = starting(["--tls-self-signed", ...patient]);
    server = await secure();
    const caCerts = [await Deno.readTextFile(join(dataDir, "tls/ca.pem"))];
    const target = { hostname: "localhost", port, caCerts };
    server = (await stopsWithAllKinds(deployed, target, server, secure)).next;
    server = await restartsUnderLoad(deployed, target, server, secure, 1);
    await stopsWithoutUnproved(deployed, target, server);
  });
  await t.step("and listens again after accepting has stopped", async () => {
    await server.stop();
    const limited = ["sh", "-c", 'ulimit -n 640 && exec "$@"', "sh"];
    server = await HeldServer.start(socket, { dataDir, launcher: limited });
    const strangers: Deno.Conn[] = [];
    for (let n = 0; n < 700; n++) strangers.push(await Deno.connect(plain));
    for (const stranger of strangers) stranger.close();
    await eventually(async () => {
      using line = await Line.open(plain);
      return (await line.ask(PROBE).catch(() => undefined))?.status === 200 || undefined;
    }, "an answer after the connections");
  });
});

/** The socket that both processes have open. */
async function sharedSocket(server: HeldServer): Promise<string> {
  const own = await descriptorsOf(Deno.pid);
  const [shared, ...further] = new Set(await descriptorsOf(server.pid)).intersection(new Set(own))
    .values().filter((target) => target.startsWith("socket:"));
  assert.deepEqual(further, []);
  return shared ?? assert.fail("the server has no socket of this process");
}

/**
 * The descendants of a process that run a program of their own: until then a child is a copy of its parent, with the
 * arguments, variables and descriptors of that.
 */
async function programsBelow(ancestor: number): Promise<readonly number[]> {
  const own = String(await argumentsOf(ancestor));
  const programs: number[] = [];
  for (const pid of descendantsOf(ancestor)) {
    const args = String(await argumentsOf(pid));
    // Without arguments it ends, or becomes its program.
    if (args !== "" && args !== own) programs.push(pid);
  }
  return programs;
}

for (const isolation of ["bubblewrap", "landlock", "process"]) {
  Deno.test(`${isolation}: no process of functions or builds has the held socket`, async () => {
    await using directory = await makeTempDir();
    const dataDir = directory.path;
    await fillDataDir(dataDir);
    using socket = await HeldSocket.bind("127.0.0.1", 0);
    // The last one has no effect.
    const flags = ["--isolation", isolation, "--port", "1"];
    await using server = await HeldServer.start(socket, { dataDir, flags });
    assert.match(server.output.log, /--port 1 have no effect: the inherited socket listens at 127/);
    const shared = await sharedSocket(server);
    const seen = new Set<number>();
    const look = async () => {
      for (const pid of await programsBelow(server.pid)) {
        seen.add(pid);
        assert.ok(!(await descriptorsOf(pid)).includes(shared), `process ${pid} has the socket`);
      }
    };
    const client = await server.client();
    let isBuilt = false;
    const building = client.deploy(HANG).finally(() => isBuilt = true);
    // It fails as well when the server ends after an assertion.
    building.catch(() => {});
    while (!isBuilt) await look();
    const functionId = await building;
    const { body } = await client.invoke(functionId, {}, { prefer: "respond-async" });
    await eventually(async () => {
      const { status } = await client.invocation(functionId, body.invocationId);
      return status.endsWith("RUNNING") || undefined;
    });
    await look();
    assert.ok(seen.size > 2, `${[...seen]}`);
    // No child takes them for its own either.
    for (const pid of await programsBelow(server.pid)) {
      const environment = await Deno.readTextFile(`/proc/${pid}/environ`).catch(() => "");
      assert.ok(!environment.includes("LISTEN_"), environment);
    }
  });
}

Deno.test("--restart-on-failure keeps the socket from one server to the next", async () => {
  const flags = [...BARRIER_FLAGS, "--restart-on-failure"];
  await using server = await TestServer.start({ flags });
  const { token, echo, waiter, barrier } = await deploy(await server.client());
  const request = invokeRequest(echo, token, {});
  const { hostname, port } = new URL(server.url);
  const target = { hostname, port: Number(port) };
  const children = () => childrenOf(server.pid);
  const [first] = children();
  assert.ok(first);
  Deno.kill(first, "SIGKILL");
  await allGone([first]);
  const lines = await Promise.all(Array.from({ length: 5 }, () => Line.open(target)));
  for (const line of lines) assert.equal((await line.ask(request)).status, 200);

  {
    await using clients = new Clients(target, request);
    const [second] = children();
    assert.ok(second);
    server.signal("SIGHUP");
    await allGone([second]);
    await clients.answered();
  }
  using running = await Line.open(target);
  const url = barrier.next();
  await running.send(invokeRequest(waiter, token, { url }));
  await barrier.arrived(url);
  server.signal("SIGTERM");
  await eventually(async () => {
    const line = await Line.open(target).catch((error: Error) => error);
    if (line instanceof Error) return /onnection refused/.test(line.message) || undefined;
    line[Symbol.dispose]();
  }, "a connection that fails, because no server follows");
  barrier.open(url);
  assert.equal((await running.answer()).status, 200);
  assert.equal((await server.status).code, 0);
  const log = await server.log;
  assert.match(log, /the server ended with SIGKILL; it starts again in 100 ms/);
  assert.match(log, /the server starts again after SIGHUP/);
});

/** Runs a server to its end, with this at descriptor 3; answers its code and what it logged. */
async function runWith(
  script: string,
  third: "pipe" | "ignore",
  dataDir: string,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const command = ["-c", `${script}; exec "$@"`, "sh", ...await serveCommand(dataDir)];
  const server = spawn("sh", command, {
    env: SERVER_ENV,
    stdio: ["ignore", "pipe", "pipe", third],
  });
  let stderr = "";
  server.stderr?.setEncoding("utf8").on("data", (text: string) => stderr += text);
  // A server that is ready is not to be.
  server.stdout?.on("data", () => server.kill("SIGKILL"));
  const [code] = await once(server, "exit");
  return { code, stderr };
}

Deno.test("only a listening TCP socket for this process counts as inherited", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  await fillDataDir(dataDir);
  const ours = "export LISTEN_PID=$$ LISTEN_FDS=";
  const noSocket = /^error: descriptor 3, passed with LISTEN_FDS, is no socket; .*\n$/;
  const notListening =
    /^error: Descriptor 3, passed with LISTEN_FDS, is no listening TCP socket .*\n$/;
  const several = /^error: LISTEN_FDS is "2", but must be 1: the server accepts on one socket\n/;
  const rejected: readonly (readonly [string, string, "pipe" | "ignore", RegExp])[] = [
    ["a file", `exec 3</dev/null; ${ours}1`, "ignore", noSocket],
    ["no descriptor", `exec 3<&-; ${ours}1`, "ignore", noSocket],
    ["a Unix socket", `${ours}1`, "pipe", notListening],
    ["several sockets", `${ours}2`, "pipe", several],
  ];
  for (const [name, script, third, message] of rejected) {
    await t.step(`but not ${name}`, async () => {
      const { code, stderr } = await runWith(script, third, dataDir);
      assert.match(stderr, message);
      assert.equal(code, message === several ? 2 : 1);
    });
  }
  await t.step("but no socket for another process", async () => {
    using socket = await HeldSocket.bind("127.0.0.1", 0);
    const launcher = ["env", "LISTEN_PID=1"];
    await using server = await HeldServer.start(socket, { dataDir, launcher });
    assert.notEqual(new URL(server.url).port, String(socket.address.port));
    const own = new Set(await descriptorsOf(Deno.pid));
    const shared = new Set(await descriptorsOf(server.pid)).intersection(own);
    assert.deepEqual([...shared].filter((target) => target.startsWith("socket:")), []);
  });
});
