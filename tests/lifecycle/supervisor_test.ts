/** The parent process of `invoked serve --restart-on-failure`: signals and starts at a bad time. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { HeldSocket } from "../../src/shared/held_socket.ts";
import { exists } from "../../src/shared/files.ts";
import { allow } from "../egress/support.ts";
import { eventually } from "../support/eventually.ts";
import { HeldServer } from "../support/held_server.ts";
import { makeTempDir } from "../support/invoked.ts";
import { getRequest, invokeRequest, Line } from "../support/line.ts";
import { childrenOf, descendantsOf, signalUnlessEnded } from "../support/processes.ts";
import { fillDataDir, SERVER_ENV } from "../support/server.ts";
import { Barrier, BARRIER_FLAGS } from "../volumes/barrier.ts";

const WAITER = `export default async ({ url }) => ({ said: await (await fetch(url)).text() });`;
const FLAGS = [...BARRIER_FLAGS, "--restart-on-failure"];
const ORDERS = [["SIGHUP", "SIGTERM"], ["SIGTERM", "SIGHUP"]] as const;
/** Longer than a second signal of the same kind counts as an echo of the first. Nothing shows that one had no effect. */
const SIGNAL_MS = 300;

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Limits the open files of a running process, but not those that are open. */
async function limitFiles(pid: number, soft: number): Promise<void> {
  const args = [`--pid=${pid}`, `--nofile=${soft}:`];
  const { success, stderr } = await new Deno.Command("prlimit", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** That the processes of functions do not ignore SIGHUP, although a starting server does. */
async function assertDieOfHangup(pids: readonly number[]): Promise<void> {
  const ignored = await Promise.all(pids.map(async (pid) => {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    return /^SigIgn:\s*(\S+)$/m.exec(status)?.[1];
  }));
  const masks = ignored.filter((mask) => mask !== undefined);
  // The server, and the process of the function at least.
  assert.ok(masks.length > 1, String(masks));
  for (const mask of masks) assert.equal(BigInt(`0x${mask}`) & 1n, 0n, mask);
}

/** Puts a `setpriv` before that of the system, and answers its directory: while a file `hold` is in it, this one waits. */
async function makeHoldingSetpriv(directory: string): Promise<string> {
  const programs = join(directory, "programs");
  await Deno.mkdir(programs);
  const script = `#!/bin/sh
[ ! -e "${programs}/hold" ] || { : >"${programs}/holds"; exec sleep 600; }
PATH="${SERVER_ENV.PATH}"
exec setpriv "$@"
`;
  await Deno.writeTextFile(join(programs, "setpriv"), script, { mode: 0o755 });
  return programs;
}

Deno.test("--restart-on-failure survives signals and failed starts at a bad time", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = join(directory.path, "data");
  await fillDataDir(dataDir);
  using socket = await HeldSocket.bind("127.0.0.1", 0);
  const { port } = socket.address;
  const target = { hostname: "127.0.0.1", port };
  const barrier = new Barrier();
  let waiter: string | undefined;

  for (const [first, second] of ORDERS) {
    await t.step(`${second} after ${first} ends no invocation`, async () => {
      await using server = await HeldServer.start(socket, { dataDir, flags: FLAGS });
      const client = await server.client();
      if (waiter === undefined) {
        waiter = await client.deploy(WAITER);
        await allow(client, waiter, [barrier.host]);
      }
      const url = barrier.next();
      using running = await Line.open(target);
      await running.send(invokeRequest(waiter, client.token ?? "", { url }));
      await barrier.arrived(url);
      await assertDieOfHangup(descendantsOf(server.pid));
      signalUnlessEnded(server.pid, first);
      await eventually(() => server.output.log.includes("draining after SIGTERM") || undefined);
      await elapsed(SIGNAL_MS);
      signalUnlessEnded(server.pid, second);
      await elapsed(SIGNAL_MS);
      barrier.open(url);
      assert.equal((await running.answer()).status, 200);
      assert.equal(await server.ended, 0, server.output.log);
    });
  }

  await t.step(
    "settings that the next server would reject; a start that the system rejects",
    async () => {
      const config = join(directory.path, "invoked-server.toml");
      await Deno.writeTextFile(config, "");
      const flags = [...FLAGS, "--config", config];
      await using server = await HeldServer.start(socket, { dataDir, flags });
      const [child] = childrenOf(server.pid);
      assert.ok(child);
      // The next server would reject its settings and end the restarts.
      await Deno.writeTextFile(config, "[server]\nprot = 1");
      signalUnlessEnded(server.pid, "SIGHUP");
      await eventually(
        () => /is not replaced after SIGHUP: Unknown key prot/.test(server.output.log) || undefined,
      );
      // All these files are missing; the next servers would exit with code 1 again and again.
      await Deno.writeTextFile(
        config,
        `[database]
database = "postgres://u@127.0.0.1:1/d"
database-password-file = "none.password"
[identity]
master-key-file = "none.master"
[oidc]
oidc-issuer = "https://127.0.0.1:1"
oidc-client-id = "a"
oidc-client-secret-file = "none.secret"
[telemetry]
otlp-endpoint = "http://127.0.0.1:1"
otlp-headers-file = "none.headers"`,
      );
      const { length } = server.output.log;
      signalUnlessEnded(server.pid, "SIGHUP");
      const reasons = await eventually(() =>
        /is not replaced after SIGHUP: .*/.exec(server.output.log.slice(length))?.[0]
      );
      for (const name of ["password", "master", "secret", "headers"]) {
        assert.ok(reasons.includes(`none.${name}`), reasons);
      }
      assert.deepEqual(childrenOf(server.pid), [child]);
      await Deno.writeTextFile(config, "");
      await limitFiles(server.pid, 8);
      signalUnlessEnded(child, "SIGKILL");
      await eventually(
        () =>
          server.output.hasEnded || /starts again in 200 ms/.test(server.output.log) || undefined,
        "another failure",
      );
      assert.ok(!server.output.hasEnded, server.output.log);
      await limitFiles(server.pid, 1024);
      using line = await Line.open(target);
      assert.equal((await line.ask(getRequest("/readyz"))).status, 200);
      assert.equal(await server.stop(), 0, server.output.log);
      assert.match(
        server.output.log,
        /the server ended with a failed start: .*[Tt]oo many open files/,
      );
    },
  );

  await t.step("SIGTERM before the next server listens for signals is success", async () => {
    const programs = await makeHoldingSetpriv(directory.path);
    const launcher = ["env", `PATH=${programs}:${SERVER_ENV.PATH}`];
    await using server = await HeldServer.start(socket, { dataDir, flags: FLAGS, launcher });
    await Deno.writeTextFile(join(programs, "hold"), "");
    signalUnlessEnded(server.pid, "SIGHUP");
    await eventually(
      async () => await exists(join(programs, "holds")) || undefined,
      "the next start",
    );
    assert.equal(await server.stop(), 0, server.output.log);
  });
});
