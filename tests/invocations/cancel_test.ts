import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { instancesOf, instancesWithWaiting, oneGone } from "../support/processes.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { ECHO, HANG } from "./functions.ts";

const PREFIX = "FUNCTION_INVOCATION_STATUS_";

function pathOf(id: string, invocationId: string): string {
  return `/api/v1/functions/${id}/invocations/${invocationId}`;
}

/** Resolves once a {@link HANG} runs. */
async function logged(client: Client, id: string, invocationId: string): Promise<void> {
  await eventually(async () => {
    const { body } = await client.get(`${pathOf(id, invocationId)}/logs`);
    return body.list.length > 0 || undefined;
  });
}

async function running({ client, server }: Stage): Promise<void> {
  const busy = "console.log('up'); export default () => { for (;;); };";
  for (const main of [HANG, busy]) {
    const id = await client.deploy(main);
    const waiting = await instancesWithWaiting(client, server.pid);
    const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
    await logged(client, id, body.invocationId);
    const running = instancesOf(server.pid);
    const cancelled = await client.post(`${pathOf(id, body.invocationId)}/cancel`, {});
    assert.equal(cancelled.status, 200);
    const { invocation } = cancelled.body;
    assert.equal(invocation.status, `${PREFIX}ERROR`);
    assert.match(invocation.error, /^CANCELLED: /);
    assert.ok(!("output" in invocation));
    await oneGone(waiting.filter((pid) => running.includes(pid)));
    assert.deepEqual(await client.invocation(id, body.invocationId), invocation);
  }
}

async function waitedFor({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  const invocation = client.invoke(id);
  const invocationId = await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${id}/invocations`);
    return body.list[0]?.id as string | undefined;
  });
  await logged(client, id, invocationId);
  await client.post(`${pathOf(id, invocationId)}/cancel`);
  const { status, headers, body } = await invocation;
  assert.equal(status, 200);
  assert.deepEqual(body, { invocationId });
  assert.equal(headers.get("invocation-status"), `${PREFIX}ERROR`);
}

async function queued({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  const first = await client.invoke(id, {}, { prefer: "respond-async" });
  await logged(client, id, first.body.invocationId);
  const second = await client.invoke(id, {}, { prefer: "respond-async" });
  const waiting = client.invoke(id);
  const third = await eventually(async () => {
    const { body } = await client.get(`/api/v1/functions/${id}/invocations`);
    return body.list.length === 3 ? body.list[0].id as string : undefined;
  });
  for (const invocationId of [second.body.invocationId, third]) {
    const { body } = await client.post(`${pathOf(id, invocationId)}/cancel`);
    assert.equal(body.invocation.status, `${PREFIX}ERROR`);
    assert.match(body.invocation.error, /^CANCELLED: .*before it started/);
    const logs = await client.get(`${pathOf(id, invocationId)}/logs`);
    assert.deepEqual(logs.body.list, [], "none of its code ran");
  }
  assert.deepEqual((await waiting).body, { invocationId: third });
  assert.equal((await client.invocation(id, first.body.invocationId)).status, `${PREFIX}RUNNING`);
  await client.post(`${pathOf(id, first.body.invocationId)}/cancel`);
}

async function ended({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const { body } = await client.invoke(id, { a: 1 });
  const before = await client.invocation(id, body.invocationId);
  for (let i = 0; i < 2; i++) {
    const cancelled = await client.post(`${pathOf(id, body.invocationId)}/cancel`);
    assert.equal(cancelled.status, 200);
    assert.deepEqual(cancelled.body.invocation, before);
  }
}

async function twice({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
  const path = `${pathOf(id, body.invocationId)}/cancel`;
  const answers = await Promise.all([client.post(path), client.post(path), client.post(path)]);
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.match(answer.body.invocation.error, /^CANCELLED: /);
  }
}

async function unknown({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const other = await client.deploy(ECHO);
  const { body } = await client.invoke(id);
  const missing = "INVOCATION_NOT_FOUND";
  assertError(await client.post(`${pathOf(id, "2".repeat(27))}/cancel`), missing);
  assertError(await client.post(`${pathOf(other, body.invocationId)}/cancel`), missing);
  const nowhere = "FUNCTION_NOT_FOUND";
  assertError(await client.post(`${pathOf("nothing", body.invocationId)}/cancel`), nowhere);
}

// Functions return their process ids, which name nothing outside in bubblewrap's own namespace.
serverSuite("cancelling an invocation", {
  flags: ["--isolation", "process", "--max-running", "1", "--pool-size", "1"],
}, {
  "kills one that runs": running,
  "answers the caller who waits for it": waitedFor,
  "takes one that waits out of the queue": queued,
  "leaves one that has ended as it is": ended,
  "can be asked several times": twice,
  "knows only invocations of the function": unknown,
});
