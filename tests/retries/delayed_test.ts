/** Invocations that start at a time of their own. */
import assert from "node:assert/strict";
import type { Answer, Client, Json } from "../support/client.ts";
import { assertError } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";

const STATUS = "FUNCTION_INVOCATION_STATUS_";
const ECHO = `export default (input, { attempt, trigger }) => ({ input, attempt, trigger });`;

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

function invokeAt(
  client: Client,
  id: string,
  at: string,
  more: Record<string, string> = {},
): Promise<Answer<Json>> {
  return client.invoke(id, { at }, { prefer: "respond-async", "invoke-at": at, ...more });
}

/** Asks for a time that is soon, and for a later one if a busy machine asked too late. */
async function invokeSoon(client: Client, id: string, more: Record<string, string> = {}) {
  for (let aheadMs = 1_500;; aheadMs *= 2) {
    const at = inMs(aheadMs);
    const answer = await invokeAt(client, id, at, more);
    if (answer.status === 200) return { at, ...answer };
    assertError(answer, "INVALID_FIELD", /is in the past/);
  }
}

async function startsLater({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const { at, headers, body } = await invokeSoon(client, id);
  assert.deepEqual(Object.keys(body), ["invocationId"]);
  assert.equal(headers.get("invocation-status"), `${STATUS}PENDING`);
  const ended = await client.ended(id, body.invocationId);
  assert.equal(ended.status, `${STATUS}SUCCESS`);
  assert.deepEqual(ended.output, { input: { at }, attempt: 1, trigger: { kind: "api" } });
  assert.ok(ended.startedAt >= at, `${ended.startedAt} is before ${at}`);
  assert.equal(ended.notBefore, at);
}

async function waitsForTheEnd({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const { at, headers, body } = await invokeSoon(client, id, { prefer: "respond-async, wait=60" });
  assert.equal(headers.get("invocation-status"), `${STATUS}SUCCESS`);
  assert.ok((await client.invocation(id, body.invocationId)).startedAt >= at);
}

async function repeats({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const [at, key] = [inMs(600_000), { "idempotency-key": crypto.randomUUID() }];
  const first = await invokeAt(client, id, at, key);
  assert.deepEqual((await invokeAt(client, id, at, key)).body, first.body);
  const json = { at };
  const later = { prefer: "respond-async", "invoke-at": inMs(700_000), ...key };
  assertError(await client.invoke(id, json, later), "IDEMPOTENCY_KEY_REUSED");
}

async function cancels({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const at = inMs(600_000);
  const { body: { invocationId } } = await invokeAt(client, id, at);
  const waiting = await client.invocation(id, invocationId);
  assert.deepEqual([waiting.status, waiting.notBefore], [`${STATUS}PENDING`, at]);
  assert.deepEqual(["attempt" in waiting, "startedAt" in waiting], [false, false]);
  const path = `/api/v1/functions/${id}/invocations/${invocationId}/cancel`;
  const { body: { invocation } } = await client.post(path);
  assert.equal(invocation.status, `${STATUS}ERROR`);
  assert.match(invocation.error, /^CANCELLED: the invocation was cancelled before it started/);
  assert.deepEqual((await client.post(path)).body.invocation, invocation);
}

async function rejections({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const cases: [string, Record<string, string>, RegExp][] = [
    [inMs(-1_000), {}, /^Invoke-At: \S+Z is in the past; the time of the server is \S+Z$/],
    [inMs(367 * 86_400_000), {}, /^Invoke-At: .* ahead than the limit of 366 d \(--max-delay\)$/],
    [inMs(5_000), { prefer: "wait=1" }, /^Invoke-At: needs the header Prefer: respond-async$/],
    ["tomorrow", {}, /^Invoke-At: must be an RFC 3339 time/],
    ["2030-01-01", {}, /^Invoke-At: must be an RFC 3339 time/],
  ];
  for (const [at, more, message] of cases) {
    assertError(await invokeAt(client, id, at, more), "INVALID_FIELD", message);
  }
  const { body } = await client.get(`/api/v1/functions/${id}/invocations`);
  assert.deepEqual(body.list, []);
}

async function many({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const asked = async (aheadMs: number) => {
    const at = inMs(aheadMs);
    const answers = await Promise.all(Array.from({ length: 60 }, () => invokeAt(client, id, at)));
    return { at, answers };
  };
  let { at, answers } = await asked(2_000);
  // A busy machine may ask too late.
  for (let aheadMs = 8_000; answers.some(({ status }) => status !== 200); aheadMs *= 2) {
    ({ at, answers } = await asked(aheadMs));
  }
  await Promise.all(answers.map(async ({ body }) => {
    const { status, startedAt, attempt } = await client.ended(id, body.invocationId);
    assert.deepEqual([status, attempt, startedAt >= at], [`${STATUS}SUCCESS`, 1, true]);
  }));
}

sharedSuite("a delayed invocation", {
  "starts at its time, and not before": startsLater,
  "can be waited for": waitsForTheEnd,
  "starts once for an idempotency key": repeats,
  "can be cancelled while it waits": cancels,
  "needs a time to come and a caller that does not wait": rejections,
  "starts with all others of its time": many,
});
