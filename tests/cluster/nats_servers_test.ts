/** Three NATS servers: invocations and commits go on while any one of them is dead or silent. */
import assert from "node:assert/strict";
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { TestNatsServers } from "../support/nats_servers.ts";
import { TestPostgres } from "../support/postgres.ts";
import { makeTempDir } from "../support/invoked.ts";
import { serveCommand, SERVER_ENV, TestServer } from "../support/server.ts";
import { TestWorker } from "../support/workers.ts";
import { eventually } from "../support/eventually.ts";
import { MASTER_KEY } from "./cluster.ts";

const ECHO = "export default ({ n }) => ({ n });";
const INVOCATIONS = 4;

/** Synchronous and asynchronous invocations, all of which the server accepts, and which all succeed. */
async function invoke(client: Client, id: string): Promise<void> {
  await Promise.all(Array.from({ length: INVOCATIONS }, async (_, n) => {
    const accepted = await client.invoke(id, { n }, { prefer: "respond-async" });
    assert.equal(accepted.status, 200, JSON.stringify(accepted.body));
    const { status, output, attempt } = await client.ended(id, accepted.body.invocationId);
    assert.deepEqual([status, output, attempt], ["FUNCTION_INVOCATION_STATUS_SUCCESS", { n }, 1]);
  }));
  await Promise.all(Array.from({ length: INVOCATIONS }, async (_, n) => {
    const { status, body } = await client.invoke(id, { n });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(JSON.parse(unbase64((body as Json).json)), { n });
  }));
}

Deno.test("a cluster survives the loss of any of three NATS servers", async (t) => {
  await using nats = await TestNatsServers.start();
  await using postgres = await TestPostgres.start();
  await using opened = new AsyncDisposableStack();
  const flags = [...nats.address.flags, "--database", await postgres.database()];
  await t.step("a start that needs five servers says so, and ends on SIGTERM", async () => {
    await using directory = await makeTempDir();
    const [program = "", ...args] = await serveCommand(directory.path);
    const process = new Deno.Command(program, {
      args: [...args, ...flags, "--object-replicas", "5"],
      clearEnv: true,
      env: { ...SERVER_ENV, ...MASTER_KEY },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let log = "";
    for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
      const hasWaited = /The start waits/.test(log);
      log += text;
      if (!hasWaited && /The start waits/.test(log)) process.kill("SIGTERM");
    }
    const lack = "NATS has too few servers for --object-replicas 5: ";
    assert.match(log, new RegExp(`The start waits, for \\d+ s at most: ${lack}`));
    assert.match(log, new RegExp(`The server did not start: ${lack}.*; start further servers`));
    assert.equal((await process.status).code, 1);
    // Within the minute of the wait, the log would say so twice more.
    assert.equal(log.match(/The start waits/g)?.length, 1);
  });
  const node = opened.use(
    await TestServer.start({ flags: [...flags, "--object-replicas", "3"], env: MASTER_KEY }),
  );
  for (let worker = 0; worker < 4; worker++) {
    opened.use(await TestWorker.start({ nats: nats.address, capacity: 2 }));
  }
  const client = await node.client();
  const id = await client.deploy(ECHO);
  await invoke(client, id);
  for (let round = 1; round <= 2; round++) {
    const killed = await nats.busiest();
    await t.step(`round ${round}: the server with the most clients is killed`, async () => {
      await killed.stop("SIGKILL");
      await invoke(client, id);
      // Content has a majority of its replicas; JetStream may have to elect a leader first.
      await eventually(
        () => client.deploy(`${ECHO} // ${round}`).catch(() => undefined),
        "a commit",
      );
      await killed.restart();
    });
    const silent = await nats.busiest();
    await t.step(`round ${round}: the server with the most clients is silent`, async () => {
      silent.signal("SIGSTOP");
      try {
        await invoke(client, id);
      } finally {
        silent.signal("SIGCONT");
      }
      await invoke(client, id);
    });
  }
});
