/** Invocations whose start or end the database rejects: they end by themselves once it accepts writes again. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { createTrigger, triggersOf } from "../triggers/support.ts";
import { Barrier, BARRIER_FLAGS } from "../volumes/barrier.ts";

/** Waits at a barrier. */
const WAIT = `export default async ({ url }, { attempt }) => {
  if (url) await (await fetch(url)).text();
  return { attempt };
};
`;
const ASYNC = { prefer: "respond-async" };

/** A server with a function that waits at a barrier. */
async function startStage() {
  await using opened = new AsyncDisposableStack();
  const server = opened.use(
    await TestServer.start({ flags: [...BARRIER_FLAGS, "--max-attempts", "2"] }),
  );
  const db = opened.use(new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 }));
  const client = await server.client();
  const barrier = new Barrier();
  const functionId = await client.deploy(WAIT);
  const change = { id: functionId, outboundNetworkAllowlist: [barrier.host] };
  const updateMask = "outboundNetworkAllowlist";
  ok(await client.post("/api/v1/functions/update", { function: change, updateMask }));
  const all = opened.move();
  return {
    ...{ client, db, barrier, functionId },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Resolves once no invocation has a slot. */
async function idle(client: Client): Promise<void> {
  await eventually(
    async () => ok(await client.get("/api/v1/status")).slots.running === 0 || undefined,
    "a server that runs nothing",
  );
}

async function statusesOf(client: Client, functionId: string): Promise<string[]> {
  const { list } = ok(await client.get(`/api/v1/functions/${functionId}/invocations`));
  return list.map(({ status }: Json) => status.replace("FUNCTION_INVOCATION_STATUS_", ""));
}

Deno.test("invocations whose start or end is rejected end without a restart", async (t) => {
  await using stage = await startStage();
  const { client, db, barrier, functionId } = stage;
  const reject = () =>
    db.exec(`create trigger rejected before update of status on invocations
      begin select raise(abort, 'rejected for a test'); end`);
  const accept = () => db.exec("drop trigger rejected");

  await t.step("of a schedule, of the API and of a caller that waits", async () => {
    const [ofSchedule, ofApi, ofCaller] = [barrier.next(), barrier.next(), barrier.next()];
    const { trigger } = await createTrigger(client, functionId, {
      schedule: { cronSpec: "0 0 1 1 *", input: { url: ofSchedule } },
    });
    const run = await client.post(`${triggersOf(functionId)}/${trigger.id}/run`, {});
    const scheduled = ok(run).invocationId;
    const accepted = ok(await client.invoke(functionId, { url: ofApi }, ASYNC)).invocationId;
    const waited = client.invoke(functionId, { url: ofCaller });
    for (const url of [ofSchedule, ofApi, ofCaller]) await barrier.arrived(url);
    reject();
    for (const url of [ofSchedule, ofApi, ofCaller]) barrier.open(url);
    assert.equal((await waited).status, 500);
    await idle(client);
    assert.deepEqual(await statusesOf(client, functionId), ["RUNNING", "RUNNING", "RUNNING"]);
    accept();
    for (const id of [scheduled, accepted]) {
      // As after a crash, nobody knows how the first attempt ended.
      const { output, attempts } = await client.ended(functionId, id);
      assert.deepEqual([output, attempts.length], [{ attempt: 2 }, 2]);
      assert.match(attempts[0].error, /^INTERRUPTED: the server could not record how it ended; /);
    }
    const { list } = ok(await client.get(`/api/v1/functions/${functionId}/invocations`));
    const { error } = await client.ended(functionId, list[0].id);
    assert.match(error, /^INTERRUPTED: the server could not record how it ended; /);
  });

  await t.step("and those whose start was rejected start", async () => {
    reject();
    const { invocationId } = ok(await client.invoke(functionId, {}, ASYNC));
    await idle(client);
    accept();
    assert.deepEqual((await client.ended(functionId, invocationId)).output, { attempt: 1 });
  });
});

Deno.test("an invocation that ends while another process locks the database keeps its end", async () => {
  await using stage = await startStage();
  const { client, db, barrier, functionId } = stage;
  const url = barrier.next();
  const { invocationId } = ok(await client.invoke(functionId, { url }, ASYNC));
  await barrier.arrived(url);
  db.exec("begin immediate");
  barrier.open(url);
  const { body } = await eventually(async () => {
    const answer = await client.get("/readyz");
    return answer.status === 503 ? answer : undefined;
  }, "a server that is not ready");
  assert.match(JSON.stringify(body), /another process has locked the database/);
  assertError(
    await client.invoke(functionId),
    "STORAGE_UNAVAILABLE",
    /: another process has locked the database of the server's data directory$/,
  );
  db.exec("rollback");
  assert.deepEqual((await client.ended(functionId, invocationId)).output, { attempt: 1 });
});
