import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { allGone, descendantsOf } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";
import { ECHO, HANG, VARIABLES } from "../invocations/functions.ts";

const ONE_AT_A_TIME = [
  ...["--max-running", "1", "--pool-size", "1"],
  ...["--invocation-timeout", "10m"],
];
const PREFIX = "FUNCTION_INVOCATION_STATUS_";

interface Left {
  readonly hanging: string;
  readonly echo: string;
  readonly running: string;
  readonly queuedAsync: readonly string[];
  readonly queuedSync: string;
  readonly configured: { readonly id: string; readonly invocation: string };
  /** Idempotency key of the second asynchronous invocation. */
  readonly key: string;
}

/** One invocation that runs for ever, asynchronous ones behind it, and a caller who waits behind those. Stops the server. */
async function occupy(server: TestServer, key: string): Promise<Left> {
  const client = await server.client();
  const [hanging, echo] = [await client.deploy(HANG), await client.deploy(ECHO)];
  const background = { prefer: "respond-async" };
  const running = (await client.invoke(hanging, {}, background)).body.invocationId;
  await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${hanging}/invocations/${running}/logs`);
    return body.list[0];
  });
  const queuedAsync: string[] = [];
  for (let n = 0; n < 3; n++) {
    const headers = { ...background, "idempotency-key": `${key}-${n}` };
    queuedAsync.push((await client.invoke(echo, { n }, headers)).body.invocationId);
  }
  const configured = await acceptWithSettings(client);
  client.invoke(echo, { waits: true }).catch(() => "its connection breaks with the server");
  const queuedSync = await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${echo}/invocations`);
    return body.list.length === 4 ? body.list[0].id as string : undefined;
  });
  const sandboxes = await eventually(() => {
    const found = descendantsOf(server.pid);
    return found.length >= 2 ? found : undefined;
  }, "an instance that runs, and one that is ready");
  await server.stop("SIGKILL");
  await allGone(sandboxes);
  return { hanging, echo, running, queuedAsync, queuedSync, configured, key: `${key}-1` };
}

/** An invocation that waits while the settings of its function change. */
async function acceptWithSettings(client: Client): Promise<Left["configured"]> {
  const id = await client.deploy(VARIABLES);
  const change = (fields: Json) =>
    client.post("/api/v1/functions/update", { function: { id, ...fields } }).then(ok);
  await change({ timeout: "50s", variables: { STAGE: "accepted" } });
  const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
  await change({ timeout: "55s", variables: { STAGE: "later" } });
  return { id, invocation: body.invocationId };
}

async function checkRecovered(client: Client, left: Left): Promise<void> {
  const { hanging, echo, running, queuedAsync, queuedSync } = left;
  const interrupted = await client.invocation(hanging, running);
  assert.equal(interrupted.status, `${PREFIX}ERROR`);
  assert.match(interrupted.error, /^INTERRUPTED: the server stopped while it ran/);
  const logs = await client.get(`/api/v1/functions/${hanging}/invocations/${running}/logs`);
  assert.equal(logs.body.list[0].message, "up", "what it printed is kept");

  const unanswered = await client.invocation(echo, queuedSync);
  assert.equal(unanswered.status, `${PREFIX}ERROR`);
  assert.match(unanswered.error, /^INTERRUPTED: the server stopped before it started/);

  for (const [n, id] of queuedAsync.entries()) {
    const record = await client.ended(echo, id);
    assert.equal(record.status, `${PREFIX}SUCCESS`, record.error);
    assert.deepEqual(record.output, { n });
  }
  const { output, limits } = await client.ended(left.configured.id, left.configured.invocation);
  assert.deepEqual([output, limits.timeout], [{ STAGE: "accepted" }, "50s"]);
  // The key outlives the crash, and with it the promise to run the code once.
  const repeat = await client.invoke(echo, { n: 1 }, { "idempotency-key": left.key });
  assert.equal(repeat.body.invocationId, queuedAsync[1]);
}

Deno.test("after a crash, what ran is interrupted and what was accepted runs", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  let left: Left;
  {
    await using server = await TestServer.start({ dataDir, flags: ONE_AT_A_TIME });
    left = await occupy(server, "call");
  }
  {
    // Jobs that were accepted are taken however short the queue is now.
    const flags = [...ONE_AT_A_TIME, "--max-queued", "0"];
    await using server = await TestServer.start({ dataDir, flags });
    await checkRecovered(await server.client(), left);
    await server.stop("SIGTERM");
    assert.match(
      await server.log,
      /6 invocations had no owner: 2 ended as INTERRUPTED, 4 run again/,
    );
  }
  await using server = await TestServer.start({ dataDir, flags: ONE_AT_A_TIME });
  await checkRecovered(await server.client(), left);
  const again = await occupy(server, "again");
  assert.doesNotMatch(await server.log, /interrupted/, "it is done once");

  await t.step(
    "a server alone runs the invocations that several nodes have left for any",
    async () => {
      {
        // As they are in a copy of the records of a cluster.
        using database = new DatabaseSync(join(dataDir, "invoked.db"));
        const { changes } = database.prepare(
          "update invocations set owner = null where mode = 'async' and status = 'PENDING'",
        ).run();
        assert.equal(Number(changes), 4);
      }
      await using server = await TestServer.start({ dataDir, flags: ONE_AT_A_TIME });
      await checkRecovered(await server.client(), again);
    },
  );
});
