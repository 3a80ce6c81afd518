import assert from "node:assert/strict";
import { unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { quietSuite, type Stage } from "../support/suite.ts";
import { ECHO, HANG, SLEEP } from "./functions.ts";

const STATUS = "FUNCTION_INVOCATION_STATUS_";

async function respondAsync({ client }: Stage): Promise<void> {
  const [hanging, id] = [await client.deploy(HANG), await client.deploy(SLEEP)];
  const before = await client.invoke(hanging, {}, { prefer: "respond-async" });
  await eventually(async () => {
    const { status } = await client.invocation(hanging, before.body.invocationId);
    return status === `${STATUS}RUNNING` ? true : undefined;
  });
  const { status, headers, body } = await client.invoke(id, { ms: 1 }, { prefer: "respond-async" });
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body), ["invocationId"]);
  assert.equal(headers.get("preference-applied"), "respond-async");
  assert.equal(headers.get("invocation-status"), `${STATUS}PENDING`);
  // Found at once, and waiting as the one before still runs.
  const waiting = await client.invocation(id, body.invocationId);
  assert.equal(waiting.status, `${STATUS}PENDING`);
  assert.deepEqual(waiting.input, { ms: 1 });
  await client.post(
    `/api/v1/functions/${hanging}/invocations/${before.body.invocationId}/cancel`,
  );
  const record = await client.ended(id, body.invocationId);
  assert.equal(record.status, `${STATUS}SUCCESS`);
  assert.ok(record.output.id);
  assert.ok(record.updatedAt >= record.createdAt);
}

async function waitInTime({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  for (const prefer of ["wait=30", "respond-async, wait=30", 'wait="30"', "Wait = 30; x=1"]) {
    const { headers, body } = await client.invoke(id, { a: 1 }, { prefer });
    assert.equal(unbase64(body.json), '{"a":1}', prefer);
    assert.equal(headers.get("invocation-status"), `${STATUS}SUCCESS`);
    const applied = prefer.startsWith("respond-async") ? "respond-async, wait=30" : "wait=30";
    assert.equal(headers.get("preference-applied"), applied);
  }
}

async function waitTooShort({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  for (const prefer of ["wait=1", "wait=0", "respond-async, wait=0"]) {
    const { status, headers, body } = await client.invoke(id, {}, { prefer });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ["invocationId"]);
    assert.match(headers.get("invocation-status") ?? "", /_(PENDING|RUNNING)$/);
    assert.equal(headers.get("preference-applied"), prefer);
    const path = `/api/v1/functions/${id}/invocations/${body.invocationId}`;
    await client.post(`${path}/cancel`);
    assert.match((await client.ended(id, body.invocationId)).error, /^CANCELLED: /);
  }
}

async function ignored({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const unknown = [
    "handling=lenient",
    "wait",
    "wait=",
    "wait=-1",
    "wait=1.5",
    "wait=soon",
    "wait=99999999999999999999",
    "respond-asynchronously",
    ",,;=,",
    'return="respond-async',
  ];
  for (const prefer of unknown) {
    const { status, headers, body } = await client.invoke(id, { a: 1 }, { prefer });
    assert.equal(status, 200, prefer);
    assert.equal(unbase64(body.json), '{"a":1}', prefer);
    assert.equal(headers.get("preference-applied"), null, prefer);
  }
  const mixed = await client.invoke(id, {}, { prefer: "handling=strict, wait=20, wait=1" });
  assert.equal(mixed.headers.get("preference-applied"), "wait=20");
}

async function failsLater({ client }: Stage): Promise<void> {
  const id = await client.deploy('export default () => { throw new Error("later"); };');
  const body = ok(await client.invoke(id, {}, { prefer: "respond-async" }));
  const record = await client.ended(id, body.invocationId);
  assert.equal(record.status, `${STATUS}ERROR`);
  assert.match(record.error, /^UNCAUGHT: Error: later\n/);
}

quietSuite("Prefer", {
  "respond-async answers at once, and the invocation ends by itself": respondAsync,
  "wait=N answers with the output when the end comes in time": waitInTime,
  "wait=N answers without it when the end does not": waitTooShort,
  "ignores what is unknown or malformed": ignored,
  "respond-async of a function that fails": failsLater,
}, "single");
