import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { instancesWithWaiting, oneGone } from "../support/processes.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { settings } from "../retries/support.ts";
import { ECHO, HANG, SLEEP } from "./functions.ts";

const FLAGS = [
  // Functions return their process ids, which name nothing outside in bubblewrap's own namespace.
  ...["--isolation", "process"],
  ...["--max-running", "1", "--max-queued", "1", "--pool-size", "1"],
  ...["--cpu-time", "1s"],
];
const PREFIX = "FUNCTION_INVOCATION_STATUS_";

async function countOf(client: Client, id: string): Promise<number> {
  return (await client.get(`/api/v1/functions/${id}/invocations?page_size=100`)).body.list.length;
}

async function cancel(client: Client, id: string, invocationId: string): Promise<void> {
  await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`);
}

/** Both slots are free: of three invocations exactly the third is rejected. */
async function assertAllFree(client: Client): Promise<void> {
  const id = await client.deploy(HANG);
  const background = { prefer: "respond-async" };
  const first = await client.invoke(id, {}, background);
  const second = await client.invoke(id, {}, background);
  assertError(await client.invoke(id, {}, background), "QUEUE_FULL");
  for (const { status, body } of [first, second]) {
    assert.equal(status, 200);
    await cancel(client, id, body.invocationId);
  }
}

async function queueFull({ client }: Stage): Promise<void> {
  const [hanging, id] = [await client.deploy(HANG), await client.deploy(SLEEP)];
  const running = await client.invoke(hanging, {}, { prefer: "respond-async" });
  const waiting = client.invoke(id, { ms: 1 });
  await eventually(async () => await countOf(client, id) === 1 ? true : undefined);
  for (const headers of [{}, { prefer: "respond-async" }, { "idempotency-key": "full" }]) {
    const rejected = await client.invoke(id, { ms: 1 }, headers);
    assertError(
      rejected,
      "QUEUE_FULL",
      /limit of 1 invocation at a time is reached \(--max-running\), and the queue is full with 1 invocation \(--max-queued\)/,
    );
    assert.equal(rejected.body.code, 8);
    assert.match(rejected.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  // A violation of a request is reported before the lack of a slot.
  assertError(
    await client.post(`/api/v1/functions/${id}/invoke`, { json: "W10=" }),
    "INVALID_FIELD",
  );
  await cancel(client, hanging, running.body.invocationId);
  assert.ok((await waiting).body.json);
  assert.equal(await countOf(client, id), 1, "a rejected request leaves no invocation");
  const body = ok(await client.invoke(id, { ms: 1 }, { "idempotency-key": "full" }));
  assert.ok(body.json);
}

async function givenBack({ client }: Stage): Promise<void> {
  const endings = [
    'throw new Error("no");',
    "return 17;",
    "Deno.exit(1);",
    "for (;;);",
    "setInterval(() => {}, 1000); return new Promise(() => {});",
    "return new Promise(() => {});",
  ];
  for (const ending of endings) {
    const id = await client.deploy(`export default () => { ${ending} };`);
    if (ending.startsWith("setInterval")) await settings(client, id, { timeout: "2s" });
    const { headers } = await client.invoke(id);
    assert.equal(headers.get("invocation-status"), `${PREFIX}ERROR`, ending);
    await assertAllFree(client);
  }
}

async function repeatsTakeNoSlot({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const key = { "idempotency-key": "again" };
  const { body } = await client.invoke(id, {}, key);
  const hanging = await client.deploy(HANG);
  const first = await client.invoke(hanging, {}, { prefer: "respond-async" });
  const second = await client.invoke(hanging, {}, { prefer: "respond-async" });
  const repeat = await client.invoke(id, {}, key);
  assert.deepEqual(repeat.body, body, "a repeat is answered though the queue is full");
  for (const { body } of [first, second]) await cancel(client, hanging, body.invocationId);
  await assertAllFree(client);
}

async function disconnects({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(SLEEP);
  const waiting = await instancesWithWaiting(client, server.pid);
  const controller = new AbortController();
  const invocation = fetch(new URL(`/api/v1/functions/${id}/invoke`, client.url), {
    method: "POST",
    headers: { authorization: `Bearer ${client.token}` },
    body: JSON.stringify({ json: btoa('{"ms":100}') }),
    signal: controller.signal,
  });
  const invocationId = await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${id}/invocations`);
    return body.list[0]?.id as string | undefined;
  });
  controller.abort();
  await assert.rejects(invocation, { name: "AbortError" });
  const record = await client.ended(id, invocationId);
  assert.equal(record.status, `${PREFIX}SUCCESS`, "it runs to its end without its caller");
  assert.ok(record.output.id);
  await oneGone(waiting);
  await assertAllFree(client);
}

serverSuite("the limits of running and waiting invocations", { flags: FLAGS }, {
  "reject what finds no free slot": queueFull,
  "get a slot back however an invocation ends": givenBack,
  "leave repeated requests alone": repeatsTakeNoSlot,
  "get a slot back of a client that went away": disconnects,
});
