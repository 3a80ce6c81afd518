/** Invocations of all functions: found, replayed and cancelled by a filter. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { start, STATUS, UNSTEADY } from "./support.ts";

const FLAGS = ["--max-bulk", "20"];
const FAR = { prefer: "respond-async", "invoke-at": new Date(Date.now() + 3.6e6).toISOString() };

async function search(client: Client, filter: Json): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const body = { ...filter, pageSize: 10, pageToken };
    const answer = await client.post("/api/v1/search/invocations", body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    ids.push(...answer.body.list.map((one: Json) => one.id));
    pageToken = answer.body.nextPageToken;
  } while (pageToken !== "");
  return ids;
}

async function ended(client: Client, id: string, input: unknown): Promise<string> {
  return (await client.invoke(id, input)).body.invocationId;
}

async function finds({ client }: Stage): Promise<void> {
  const [a, b, c] = [
    await client.deploy(UNSTEADY),
    await client.deploy(UNSTEADY),
    await client.deploy(UNSTEADY),
  ];
  const thrown = await ended(client, a, { until: 9 });
  const exited = await ended(client, b, { until: 9, how: "exit" });
  const good = await ended(client, b, { until: 0, needle: "apple" });
  const other = await ended(client, c, { until: 9 });
  const { body } = await client.post(`/api/v1/functions/${a}/invocations/${thrown}/replay`);
  await client.ended(a, body.invocationId);
  const functionIds = [a, b];
  const replayed = body.invocationId;
  assert.deepEqual(await search(client, { functionIds }), [replayed, good, exited, thrown]);
  assert.deepEqual(await search(client, { functionIds: [c] }), [other]);
  assert.ok((await search(client, {})).length >= 5);
  assert.deepEqual(await search(client, { functionIds, errorWord: "EXITED" }), [exited]);
  assert.deepEqual(await search(client, { functionIds, errorWord: "EXIT" }), []);
  const ofReplays = { functionIds, triggerKind: "TRIGGER_KIND_REPLAY" };
  assert.deepEqual(await search(client, ofReplays), [replayed]);
  assert.deepEqual(
    await search(client, { functionIds, status: `${STATUS}SUCCESS`, query: "apple" }),
    [good],
  );
  const { body: found } = await client.get(`/api/v1/invocations/${exited}`);
  assert.deepEqual(found.invocation, await client.invocation(b, exited));
  assertError(
    await client.get(`/api/v1/invocations/${a}`),
    "INVOCATION_NOT_FOUND",
    /^Invocation "\w+" does not exist, or was purged$/,
  );
  const own = `/api/v1/functions/${b}/invocations/search`;
  const one = await client.post(own, { errorWord: "EXITED", triggerKind: "TRIGGER_KIND_API" });
  assert.deepEqual(one.body.list.map(({ id }: Json) => id), [exited]);
  for (const filter of [{ errorWord: "no word" }, { triggerKind: "API" }, { functionIds: "a" }]) {
    const answer = await client.post("/api/v1/search/invocations", filter);
    assertError(answer, "INVALID_FIELD", new RegExp(`^${Object.keys(filter)[0]}: `));
  }
}

async function replaysMany({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const failed = [await ended(client, id, { until: 9 }), await ended(client, id, { until: 8 })];
  await ended(client, id, { until: 0 });
  await ended(client, id, { until: 9, how: "exit" });
  const path = `/api/v1/functions/${id}/invocations/replay`;
  const filter = { errorWord: "UNCAUGHT" };
  const counted = await client.post(path, { filter, dryRun: true });
  assert.deepEqual(counted.body, { count: 2, skipped: 0 });
  assert.equal((await search(client, { functionIds: [id] })).length, 4);
  assert.deepEqual((await client.post(path, { filter })).body, { count: 2, skipped: 0 });
  const ofReplays = { functionIds: [id], triggerKind: "TRIGGER_KIND_REPLAY" };
  const replayed = await search(client, ofReplays);
  const records = await Promise.all(replayed.map((one) => client.ended(id, one)));
  assert.deepEqual(records.map(({ trigger }) => trigger.id).sort(), failed.toSorted());
  assertError(
    await client.post(path, { filter: { status: `${STATUS}RUNNING` } }),
    "INVALID_FIELD",
    /^filter\.status: must be that of ended invocations$/,
  );
  const env = { INVOKED_DATA: server.dataDir };
  const args = ["replay", "--function", id, "--error-word", "EXITED"];
  const dry = await runInvoked([...args, "--dry-run"], { env });
  assert.match(dry.stdout, /^Would replay 1 invocation of test$/m);
  assert.match((await runInvoked([...args, "--yes"], { env })).stdout, /^Replayed 1 invocation$/m);
  assert.equal((await search(client, ofReplays)).length, 3);
}

async function cancelsMany({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const waiting: string[] = [];
  for (const name of ["a", "b", "c"]) {
    waiting.push((await client.invoke(id, { name }, FAR)).body.invocationId);
  }
  const hanging = await start(client, id, { until: 9, how: "hang" });
  const path = `/api/v1/functions/${id}/invocations/cancel`;
  const named = { query: '"name":"b"' };
  const dry = await client.post(path, { filter: named, dryRun: true });
  assert.deepEqual(dry.body, { count: 1, skipped: 0 });
  assert.deepEqual((await client.post(path, { filter: named })).body, { count: 1, skipped: 0 });
  assert.match((await client.invocation(id, waiting[1] ?? "")).error, /^CANCELLED: /);
  const env = { INVOKED_DATA: server.dataDir };
  const by = ["cancel", "--function", id, "--yes", "--query", '"name":"c"'];
  assert.match(
    (await runInvoked(by, { env })).stdout,
    new RegExp(`^Cancelled ${waiting[2]}$`, "m"),
  );
  assert.deepEqual((await client.post(path, {})).body, { count: 2, skipped: 0 });
  assert.match((await client.invocation(id, hanging)).error, /^CANCELLED: /);
  assert.deepEqual((await client.post(path, {})).body, { count: 0, skipped: 0 });
}

async function tooMany({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  for (let n = 0; n < 21; n++) await client.invoke(id, { n }, FAR);
  for (const [path, body] of [["cancel", {}], ["cancel", { dryRun: true }]] as const) {
    const message = /^filter: finds more than the limit of 20 invocations \(--max-bulk\)$/;
    const answer = await client.post(`/api/v1/functions/${id}/invocations/${path}`, body);
    assertError(answer, "INVALID_FIELD", message);
  }
  assert.equal(
    (await search(client, { functionIds: [id], status: `${STATUS}PENDING` })).length,
    21,
  );
}

serverSuite("invocations of all functions", { flags: FLAGS }, {
  "are found by function, trigger, error and text": finds,
  "are replayed by a filter, after a count": replaysMany,
  "are cancelled by a filter, after a count": cancelsMany,
  "are bounded by --max-bulk": tooMany,
});
