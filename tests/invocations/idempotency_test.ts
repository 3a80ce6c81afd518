import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { ECHO, HANG, SLEEP } from "./functions.ts";

async function countOf(client: Client, id: string): Promise<number> {
  return (await client.get(`/api/v1/functions/${id}/invocations?page_size=100`)).body.list.length;
}

function keyed(key: string): Record<string, string> {
  return { "idempotency-key": key };
}

async function repeats({ client }: Stage): Promise<void> {
  const id = await client.deploy(SLEEP);
  const first = await client.invoke(id, { ms: 1 }, keyed("once"));
  assert.ok(first.body.json);
  const again = await client.invoke(id, { ms: 1 }, keyed("once"));
  assert.deepEqual(again.body, first.body);
  assert.equal(again.headers.get("invocation-status"), "FUNCTION_INVOCATION_STATUS_SUCCESS");
  const later = await client.invoke(id, { ms: 1 }, {
    ...keyed("once"),
    prefer: "respond-async",
  });
  assert.deepEqual(later.body, first.body);
  assert.equal(await countOf(client, id), 1);
  const other = await client.invoke(id, { ms: 1 }, keyed("twice"));
  assert.notEqual(other.body.invocationId, first.body.invocationId);
}

async function repeatsFailure({ client }: Stage): Promise<void> {
  const id = await client.deploy("export default () => { throw new Error(Math.random()); };");
  const first = await client.invoke(id, {}, keyed("failing"));
  const again = await client.invoke(id, {}, keyed("failing"));
  assert.deepEqual(again.body, { invocationId: first.body.invocationId });
  assert.equal(again.headers.get("invocation-status"), "FUNCTION_INVOCATION_STATUS_ERROR");
  assert.equal(await countOf(client, id), 1);
}

async function concurrent({ client }: Stage): Promise<void> {
  const id = await client.deploy(SLEEP);
  const invocations = Array.from(
    { length: 10 },
    () => client.invoke(id, { ms: 200 }, keyed("together")),
  );
  const answers = await Promise.all(invocations);
  const [first] = answers;
  assert.ok(first?.body.json);
  for (const { status, body } of answers) {
    assert.equal(status, 200);
    assert.deepEqual(body, first.body);
  }
  assert.equal(await countOf(client, id), 1);
}

async function whileRunning({ client }: Stage): Promise<void> {
  const hanging = await client.deploy(HANG);
  const background = { prefer: "respond-async" };
  const held = await client.invoke(hanging, {}, { ...keyed("running"), ...background });
  const peek = await client.invoke(hanging, {}, { ...keyed("running"), prefer: "wait=0" });
  assert.deepEqual(peek.body, held.body);
  await client.post(`/api/v1/functions/${hanging}/invocations/${held.body.invocationId}/cancel`);

  const id = await client.deploy(SLEEP);
  const started = await client.invoke(id, { ms: 500 }, { ...keyed("running"), ...background });
  assert.equal(started.body.json, undefined);
  const waited = await client.invoke(id, { ms: 500 }, keyed("running"));
  assert.equal(waited.body.invocationId, started.body.invocationId);
  assert.ok(waited.body.json);
}

async function reused({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const head = (await client.get(`/api/v1/functions/${id}`)).body.function.head;
  const { body } = await client.invoke(id, { a: 1 }, keyed("mine"));
  const reused = ["IDEMPOTENCY_KEY_REUSED", new RegExp(body.invocationId)] as const;
  assertError(await client.invoke(id, { a: 2 }, keyed("mine")), ...reused);
  assertError(await client.invoke(id, { a: 1 }, keyed("mine"), { commitId: head }), ...reused);
  assert.equal(await countOf(client, id), 1);

  const other = await client.deploy(ECHO);
  const elsewhere = await client.invoke(other, { a: 2 }, keyed("mine"));
  assert.equal(elsewhere.status, 200);
  assert.notEqual(elsewhere.body.invocationId, body.invocationId);
}

async function rejectedFirst({ client }: Stage): Promise<void> {
  const draft = await client.createFunction("draft", { "main.ts": ECHO });
  const id = draft.function.id;
  assertError(await client.invoke(id, { a: 1 }, keyed("early")), "NO_PUBLISHED_COMMIT");
  // A rejected invocation does not hold its key.
  ok(await client.invoke(id, { a: 2 }, keyed("early"), { commitId: "HEAD" }));
}

async function keys({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  for (const key of ["", "x".repeat(256), "two words", "tab\tbed", "ümlaut"]) {
    assertError(
      await client.invoke(id, {}, keyed(key)),
      "INVALID_FIELD",
      /^Idempotency-Key: must be 1 to 255 visible ASCII characters/,
    );
  }
  assert.equal(await countOf(client, id), 0);
  for (const key of ["!", "~".repeat(255), '"quoted,;="']) {
    assert.equal((await client.invoke(id, {}, keyed(key))).status, 200);
  }
}

async function found({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const { body: { invocationId } } = await client.invoke(id, {}, keyed("sought"));
  await client.invoke(id, {}, keyed("another"));
  const search = async (functionId: string, idempotencyKey: string) =>
    (await client.post(`/api/v1/functions/${functionId}/invocations/search`, { idempotencyKey }))
      .body.list.map((row: { readonly id: string }) => row.id);
  assert.deepEqual(await search(id, "sought"), [invocationId]);
  assert.deepEqual(await search(id, "unused"), []);
  assert.deepEqual(await search(await client.deploy(ECHO), "sought"), []);
}

sharedSuite("Idempotency-Key", {
  "finds the invocation of a request": found,
  "a repeat answers the first invocation": repeats,
  "a repeat of a failed invocation answers the failure": repeatsFailure,
  "concurrent invocations with one key run the code once": concurrent,
  "a repeat while the first runs waits for it, or not, as it likes": whileRunning,
  "another request with the key is rejected; another function is separate": reused,
  "an invocation that was rejected leaves its key free": rejectedFirst,
  "a key has 1 to 255 visible ASCII characters": keys,
});
