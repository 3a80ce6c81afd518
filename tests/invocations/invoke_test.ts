import assert from "node:assert/strict";
import { base64, type Client, unbase64 } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { ECHO } from "./functions.ts";

const INPUT_LIMIT_BYTES = 16 * 1024;
/** A function with three commits (`one` published, `two` tagged, `three` the head) and an open one. */
async function versions(client: Client) {
  const main = (version: string) => ({ "main.ts": `export default () => ({ at: "${version}" });` });
  const { function: fn, commit: one } = await client.createFunction("versions", main("one"));
  ok(await client.publish(fn.id, one.id));
  const two = (await client.commit(fn.id, main("two"))).body.commit;
  await client.post(`/api/v1/functions/${fn.id}/tags`, { commitId: two.id, name: "stable" });
  const three = (await client.commit(fn.id, main("three"))).body.commit;
  const opened = await client.post(`/api/v1/functions/${fn.id}/commits`, {
    filenames: ["main.ts"],
  });
  return { id: fn.id, one, two, three, openId: opened.body.commitId };
}

async function outputOf(client: Client, id: string, input = {}, more = {}) {
  const { status, headers, body } = await client.invoke(id, input, {}, more);
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(headers.get("invocation-status"), "FUNCTION_INVOCATION_STATUS_SUCCESS");
  return JSON.parse(unbase64(body.json));
}

async function commitReferences({ client }: Stage): Promise<void> {
  const { id, one, two, three, openId } = await versions(client);
  assert.deepEqual(await outputOf(client, id), { at: "one" });
  assert.deepEqual(await outputOf(client, id, {}, { commitId: "" }), { at: "one" });
  assert.deepEqual(await outputOf(client, id, {}, { commitId: two.id }), { at: "two" });
  assert.deepEqual(await outputOf(client, id, {}, { commitId: "HEAD" }), { at: "three" });
  assert.deepEqual(await outputOf(client, id, {}, { commitId: "refs/tags/stable" }), { at: "two" });
  const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
  assert.deepEqual(
    list.map(({ commitId }: { commitId: string }) => commitId),
    [two.id, three.id, two.id, one.id, one.id],
  );

  const other = await client.createFunction("other", { "main.ts": ECHO });
  const rejected = [
    [other.commit.id, "COMMIT_NOT_FOUND"],
    ["2".repeat(27), "COMMIT_NOT_FOUND"],
    ["head", "COMMIT_NOT_FOUND"],
    ["refs/tags/none", "TAG_NOT_FOUND"],
    [openId, "COMMIT_NOT_FINALIZED"],
  ] as const;
  for (const [commitId, reason] of rejected) {
    assertError(await client.invoke(id, {}, {}, { commitId }), reason);
  }
  const after = await client.get(`/api/v1/functions/${id}/invocations`);
  assert.equal(after.body.list.length, 5, "a rejected request leaves no invocation");
}

async function rollback({ client }: Stage): Promise<void> {
  const { id, one, three } = await versions(client);
  ok(await client.publish(id, three.id));
  assert.deepEqual(await outputOf(client, id), { at: "three" });
  ok(await client.publish(id, one.id));
  assert.deepEqual(await outputOf(client, id), { at: "one" });
  assert.deepEqual(await outputOf(client, id, {}, { commitId: "HEAD" }), { at: "three" });
}

async function notInvocable({ client }: Stage): Promise<void> {
  const draft = await client.createFunction("draft", { "main.ts": ECHO });
  assertError(await client.invoke(draft.function.id), "NO_PUBLISHED_COMMIT");
  assert.deepEqual(await outputOf(client, draft.function.id, { a: 1 }, { commitId: "HEAD" }), {
    a: 1,
  });
  const empty = await client.createFunction("empty");
  const headless = await client.invoke(empty.function.id, {}, {}, { commitId: "HEAD" });
  assertError(headless, "COMMIT_NOT_FOUND");

  const id = await client.deploy(ECHO);
  assertError(await client.invoke(id, {}, {}, { vfsId: "2".repeat(27) }), "VOLUME_NOT_FOUND");

  const { body } = await client.invoke(id, { kept: true });
  assert.equal((await client.call("DELETE", `/api/v1/functions/${id}`, {})).status, 200);
  assertError(await client.invoke(id), "FUNCTION_NOT_FOUND");
  assertError(await client.invoke("nothing"), "FUNCTION_NOT_FOUND");
  assert.deepEqual((await client.invocation(id, body.invocationId)).output, { kept: true });
}

async function acceptedInputs({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const invoke = async (body?: unknown) => {
    const answer = await client.post(`/api/v1/functions/${id}/invoke`, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return unbase64(answer.body.json);
  };
  for (const nothing of [undefined, "", "null", {}, { json: null }]) {
    assert.equal(await invoke(nothing), "{}");
  }
  const text = '{"text":"ÿ?>~ 🦕","n":[1,null,12]}';
  const standard = base64(text);
  assert.match(standard, /[+/]/);
  assert.match(standard, /=$/);
  const urlSafe = standard.replaceAll("+", "-").replaceAll("/", "_");
  const forms = [standard, urlSafe, standard.replace(/=+$/, ""), urlSafe.replace(/=+$/, "")];
  for (const json of forms) assert.equal(await invoke({ json }), text);
  assert.equal(await invoke({ json: base64(' \n{ "a" : 1 }\t') }), '{"a":1}');
  assert.equal(await invoke({ json: standard, vfsId: "", commitId: "", newerField: [1] }), text);

  const exact = `{"a":"${"x".repeat(INPUT_LIMIT_BYTES - 8)}"}`;
  assert.equal(exact.length, INPUT_LIMIT_BYTES);
  assert.equal(await invoke({ json: base64(exact) }), exact);
  const deep = `{"a":${"[".repeat(999)}${"]".repeat(999)}}`;
  assert.equal(await invoke({ json: base64(deep) }), deep);
}

async function rejectedInputs({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const path = `/api/v1/functions/${id}/invoke`;
  const tooLong = base64(`{"a":"${"x".repeat(INPUT_LIMIT_BYTES - 7)}"}`);
  const rejected: readonly (readonly [unknown, RegExp])[] = [
    ["%%%", /json: is not base64/],
    ["e30=e30=", /json: is not base64/],
    ["e", /json: is not base64/],
    [17, /json: must be a string/],
    [{ a: 1 }, /json: must be a string/],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toBase64(), /json: is not UTF-8/],
    ["", /json: is not JSON/],
    [base64("{"), /json: is not JSON/],
    [base64("{'a':1}"), /json: is not JSON/],
    [base64("{} {}"), /json: is not JSON/],
    [base64("[]"), /json: must hold a JSON object, not an array/],
    [base64("null"), /json: must hold a JSON object, not null/],
    [base64("17"), /json: must hold a JSON object, not a number/],
    [base64('"{}"'), /json: must hold a JSON object, not a string/],
    [base64("true"), /json: must hold a JSON object, not a boolean/],
    [base64(`{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`), /json: nests deeper .* 1,000 levels/],
    [tooLong, /json: 16,385 B are more than the limit of 16 KiB \(--max-input\)/],
  ];
  for (const [json, message] of rejected) {
    const answer = await client.post(path, { json });
    assertError(answer, "INVALID_FIELD", message);
    assert.equal(answer.body.details[0].fieldViolations[0].field, "json");
    assert.equal(answer.headers.get("invocation-status"), null);
  }
  assertError(await client.post(path, "{"), "BODY_NOT_JSON");
  for (const field of ["commitId", "vfsId"]) {
    assertError(
      await client.post(path, { [field]: 5 }),
      "INVALID_FIELD",
      new RegExp(`^${field}: `),
    );
  }
  const { list } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
  assert.deepEqual(list, []);
}

async function exactOutput({ client }: Stage): Promise<void> {
  const texts = [
    '{"id":12345678901234567890,"small":1e-400}',
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    '{"text":"\u2028 🦕 \\ud800 \\u0000 é"}',
    '{"z":1,"a":{"é":[],"":{}}}',
  ];
  for (const text of texts) {
    const id = await client.deploy(rawReturning(text));
    const answer = await client.invoke(id);
    assert.equal(unbase64(answer.body.json), text);
    assert.equal(answer.headers.get("invocation-status"), "FUNCTION_INVOCATION_STATUS_SUCCESS");
    const record = await client.invocation(id, answer.body.invocationId);
    assert.deepEqual(record.output, JSON.parse(text));
  }
}

/** A function whose output is this text: its numbers are written as they are. */
function rawReturning(text: string): string {
  return `const text = ${JSON.stringify(text)};
const raw = (_key, value, { source }) => typeof value === "number" ? JSON.rawJSON(source) : value;
export default () => JSON.parse(text, raw);`;
}

async function freshProcesses({ client }: Stage): Promise<void> {
  const id = await client.deploy(`let n = 0;
const id = crypto.randomUUID();
globalThis.calls = (globalThis.calls ?? 0) + 1;
export default () => ({ n: ++n, id, calls: globalThis.calls });`);
  const ids = new Set<string>();
  const call = async () => {
    const output = await outputOf(client, id);
    assert.deepEqual([output.n, output.calls], [1, 1]);
    ids.add(output.id);
  };
  for (let i = 0; i < 5; i++) await call();
  await Promise.all(Array.from({ length: 20 }, call));
  assert.equal(ids.size, 25);
}

async function packagesAndFiles({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    `import ms from "npm:ms@2.1.3";
import { shout } from "./lib/shout.ts";
import data from "./data.json" with { type: "json" };
export default async ({ time }: { time: string }) => ({ ms: ms(time), text: shout(data.text) });`,
    {
      "lib/shout.ts": "export const shout = (text: string): string => `${text.toUpperCase()}!`;",
      "data.json": '{"text":"hello"}',
    },
  );
  assert.deepEqual(await outputOf(client, id, { time: "2h" }), { ms: 7_200_000, text: "HELLO!" });
}

sharedSuite("invoking a function", {
  "runs the published commit, or the one that is named": commitReferences,
  "rolls back by publishing an older commit": rollback,
  "rejects what cannot be invoked": notInvocable,
  "takes a JSON object in every form of base64, or nothing": acceptedInputs,
  "rejects every other input and records nothing": rejectedInputs,
  "answers the exact text of the output": exactOutput,
  "gives every invocation a fresh process": freshProcesses,
  "runs npm packages and the commit's other files": packagesAndFiles,
}, "limited");
