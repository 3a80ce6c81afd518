/** The permissions of functions, which no content of an invocation changes. */
import assert from "node:assert/strict";
import { ECHO } from "../invocations/functions.ts";
import { base64, type Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";
import { childrenOf, deployWithSdk, outcomeOf, outputOf, setRoles } from "./support.ts";

const SCHEDULE = { schedule: { cronSpec: "0 0 1 1 *" } };

/** Calls one method after the other; returns the value or the error of each. */
const EACH = `const outcomes = {};
  for (const [name, request] of Object.entries(input.calls)) {
    const [namespace, method] = name.split(".");
    outcomes[name] = await settle(() => sdk[namespace][method](request));
  }
  return outcomes;`;

interface Target {
  readonly id: string;
  readonly commitId: string;
  readonly invocationId: string;
  /** A function with triggers, and their ids. */
  readonly triggered: string;
  readonly scheduleId: string;
  readonly webhookId: string;
  /** A function whose asynchronous invocations fail, and its dead letters. */
  readonly failing: string;
  readonly deadLetterIds: readonly string[];
}

const READS = (
  { id, commitId, invocationId, triggered, scheduleId, webhookId, failing, deadLetterIds }: Target,
): Record<string, unknown> => ({
  "auth.introspect": {},
  "functions.listFunctions": { pageSize: 10 },
  "functions.getFunction": { id },
  "functions.listCommits": { functionId: id },
  "functions.listPublishes": { functionId: id },
  "functions.listPurges": { functionId: id },
  "functions.getCommitContent": { functionId: id, id: "HEAD", showPurged: true },
  "functions.getLockFile": { functionId: id, commitId },
  "functions.listTags": { functionId: id },
  "functionsSearch.search": { query: id },
  "functionsInvocation.list": { functionId: id },
  "functionsInvocation.get": { functionId: id, id: invocationId },
  "functionsInvocation.listLogs": { functionId: id, id: invocationId },
  "functionsInvocationSearch.search": { functionId: id, functionsInvocationSearchRequest: {} },
  "triggers.list": { functionId: triggered },
  "triggers.get": { functionId: triggered, id: scheduleId },
  "triggers.listDeliveries": { functionId: triggered, id: webhookId },
  "deadLetters.list": { functionId: failing },
  "deadLetters.get": { functionId: failing, id: deadLetterIds[0] },
  "invocations.get": { id: invocationId },
  "invocations.search": { functionIds: [id] },
  "statistics.getOfFunction": { functionId: id },
  "statistics.get": { byFunction: true, functionIds: [id, triggered], limit: 5 },
  "server.getStatus": {},
});

/** Reads that answer what the caller may see, and no more. */
const LISTS = ["auth.introspect", "functions.listFunctions", "functionsSearch.search"]
  .concat("invocations.search", "statistics.get");

const INVOKES = (
  { id, invocationId, triggered, scheduleId, failing, deadLetterIds }: Target,
): Record<string, unknown> => ({
  "functions.invoke": { functionId: id, functionsServiceInvokeRequest: { json: base64("{}") } },
  "functionsInvocation.cancel": { functionId: id, id: invocationId },
  "functions.test": { functionId: id },
  "functions.clearCircuitBreaker": {
    functionId: id,
    clearCircuitBreakerRequest: { decision: "PAUSED_EXECUTION_DECISION_RUN" },
  },
  "triggers.run": { functionId: triggered, id: scheduleId },
  "deadLetters.replay": { functionId: failing, id: deadLetterIds[0] },
  "deadLetters.drop": { functionId: failing, id: deadLetterIds[1] },
  "deadLetters.replayMany": { functionId: failing, bulkRequest: { dryRun: true } },
  "deadLetters.dropMany": { functionId: failing, bulkRequest: { dryRun: true } },
  "invocations.replay": { functionId: id, id: invocationId },
  "invocations.replayMany": { functionId: id, bulkRequest: { dryRun: true } },
  "invocations.cancelMany": { functionId: id, bulkRequest: { dryRun: true } },
});

const WRITES = (
  { id, commitId, triggered, scheduleId, webhookId }: Target,
): Record<string, unknown> => ({
  "triggers.create": {
    functionId: triggered,
    createTriggerRequest: { trigger: { displayName: "by a function", ...SCHEDULE } },
  },
  "triggers.apply": {
    functionId: triggered,
    applyTriggersRequest: { changes: [{ trigger: { displayName: "applied", ...SCHEDULE } }] },
  },
  "triggers.update": {
    functionId: triggered,
    id: scheduleId,
    updateTriggerRequest: { trigger: { paused: true }, updateMask: "paused" },
  },
  "triggers.rotateSecret": { functionId: triggered, id: webhookId, rotateSecretRequest: {} },
  "triggers.delete": { functionId: triggered, id: webhookId },
  "functions.check": {
    function: { id, description: "checked" },
    updateMask: "description",
  },
  "functions.updateFunction": {
    function: { id, description: "changed" },
    updateMask: "description",
  },
  "functions.rollBack": { functionId: id, rollBackRequest: { commitId } },
  "functions.createTag": {
    functionId: id,
    functionsServiceCreateTagRequest: { commitId, name: "v1" },
  },
  "functions.deleteTag": { functionId: id, name: "v1" },
  "functions.createInitialCommit": {
    functionId: id,
    functionsServiceCreateInitialCommitRequest: {
      filenames: ["main.ts"],
      commitMessage: "by a function",
    },
  },
  "functions.createFinalCommit": { functionId: id, commitId },
  "functions.purge": { functionId: id, purgeRequest: { before: "2026-01-01T00:00:00Z" } },
  "functions.createFunction": {
    displayName: "made by a function",
    initialContent: { "main.ts": base64(MAIN) },
  },
  "functions.deleteFunction": { id },
});

const PASSES = `import { test } from "@c1/test";
export default function registerTests() {
  test("passes", ({ ok }) => ok(true));
}`;

/** A function with an invocation. */
async function target(client: Client) {
  const id = await client.deploy(ECHO, { "main.test.ts": PASSES });
  const { invocationId } = ok(await client.invoke(id));
  const { function: { publishedCommitId } } = ok(await client.get(`/api/v1/functions/${id}`));
  return { id, commitId: publishedCommitId, invocationId };
}

/** What each method needs. */
async function everything(client: Client): Promise<Target> {
  return { ...await target(client), ...await triggers(client), ...await failures(client) };
}

async function triggers(client: Client) {
  const triggered = await client.deploy(MAIN);
  const path = `/api/v1/functions/${triggered}/triggers`;
  const make = async (trigger: Json): Promise<string> =>
    ok(await client.post(path, { trigger })).trigger.id;
  const scheduleId = await make({ displayName: "schedule", ...SCHEDULE });
  const webhookId = await make({ displayName: "webhook", webhook: { github: {} } });
  return { triggered, scheduleId, webhookId };
}

async function failures(client: Client) {
  const failing = await client.deploy("export default () => { throw new Error(); };\n");
  const retryPolicy = { maxAttempts: 2, initialBackoff: "0.1s" };
  ok(await client.post("/api/v1/functions/update", { function: { id: failing, retryPolicy } }));
  for (let n = 0; n < 2; n++) await client.invoke(failing, {}, { prefer: "respond-async" });
  const deadLetterIds = await eventually(async () => {
    const { list } = ok(await client.get(`/api/v1/functions/${failing}/dead_letters`));
    return list.length === 2 ? list.map(({ id }: Json) => id as string) : undefined;
  }, "two dead letters");
  return { failing, deadLetterIds };
}

/** Names of the SDK methods that succeeded, and the reasons of the others. */
function sorted(outcomes: Json): { done: string[]; reasons: string[] } {
  const entries = Object.entries<Json>(outcomes);
  return {
    done: entries.filter(([, { value }]) => value !== undefined).map(([name]) => name),
    reasons: entries.filter(([, { value }]) => value === undefined).map(([, { reason }]) => reason),
  };
}

const NOTHING: Target = {
  id: "",
  commitId: "",
  invocationId: "",
  triggered: "",
  scheduleId: "",
  webhookId: "",
  failing: "",
  deadLetterIds: [],
};

Deno.test("docs/sdk-methods.md names the permission that each method needs", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/sdk-methods.md", import.meta.url));
  const rows = page.split("\n").filter((line) => line.startsWith("| `sdk."))
    .map((line) => line.split("|").map((cell) => cell.trim().replace(/`|sdk\./g, "")));
  const needing = (permission: string) =>
    rows.filter((row) => row[3] === permission).map((row) => row[1]);
  const { "auth.introspect": _, "server.getStatus": _status, ...reads } = READS(NOTHING);
  const tables = [["functions:read", reads], ["functions:invoke", INVOKES(NOTHING)]] as const;
  for (const [permission, calls] of [...tables, ["functions:write", WRITES(NOTHING)]] as const) {
    assert.deepEqual(needing(permission).sort(), Object.keys(calls).sort());
  }
  assert.deepEqual(needing("self"), ["auth.introspect"]);
  assert.deepEqual(needing("server:read"), ["server.getStatus"]);
});

sharedSuite("the permissions of functions", {
  "without a role a function reads itself alone": async ({ client }) => {
    const all = await everything(client);
    const caller = await deployWithSdk(client, EACH);
    const { function: { publishedCommitId } } = ok(await client.get(`/api/v1/functions/${caller}`));
    const { id: invocationId } = await outcomeOf(client, caller, { calls: {} });
    const { "server.getStatus": _status, ...own } = READS({
      ...all,
      ...{ id: caller, commitId: publishedCommitId, invocationId, triggered: caller },
    });
    // The function has neither triggers nor dead letters, and nobody shows it those of others.
    const missing = [
      "triggers.get",
      "triggers.listDeliveries",
      "deadLetters.list",
      "deadLetters.get",
    ];
    const itself = sorted(await outputOf(client, caller, { calls: own }));
    const expected = Object.keys(own).filter((name) => !missing.includes(name));
    assert.deepEqual(itself.done, expected);
    assert.deepEqual(
      itself.reasons,
      ["TRIGGER_NOT_FOUND", "TRIGGER_NOT_FOUND"].concat("ROLE_MISSING", "ROLE_MISSING"),
    );

    const others = await outputOf(client, caller, { calls: READS(all) });
    const answered = Object.entries<Json>(others).filter(([, { value }]) => value !== undefined);
    assert.deepEqual(answered.map(([name]) => name), LISTS);
    assert.equal(others["invocations.get"].reason, "INVOCATION_NOT_FOUND");
    for (const [name, { value }] of answered) {
      for (const foreign of [all.id, all.triggered, all.failing]) {
        assert.ok(!JSON.stringify(value).includes(foreign), `${name} shows ${foreign}`);
      }
    }
    for (const [name, { reason, known }] of Object.entries<Json>(others)) {
      if (LISTS.includes(name) || name === "invocations.get") continue;
      assert.deepEqual([reason, known], ["ROLE_MISSING", true], name);
    }
  },

  "with the role reader a function only reads": async ({ client }) => {
    const all = await everything(client);
    const { id, invocationId } = all;
    const caller = await deployWithSdk(client, EACH, ["reader"]);
    const reads = READS(all);
    const read = sorted(await outputOf(client, caller, { calls: reads }));
    assert.deepEqual(read, { done: Object.keys(reads), reasons: [] });
    const others = { ...INVOKES(all), ...WRITES(all) };
    const outcomes = await outputOf(client, caller, { calls: others });
    for (const [name, { statusCode, reason, message, known }] of Object.entries<Json>(outcomes)) {
      assert.deepEqual([statusCode, reason, known], [403, "ROLE_MISSING", true], name);
      assert.match(
        message,
        /needs the role (functions:invoker or )?functions:developer or system:owner.*scopedRoleIds/,
        name,
      );
    }
    assert.equal((await client.invocation(id, invocationId)).status.endsWith("SUCCESS"), true);
  },

  "an invoker calls and cancels besides; an administrator does everything": async ({ client }) => {
    const all = await everything(client);
    const caller = await deployWithSdk(client, EACH, ["invoker"]);
    const [invokes, writes] = [INVOKES(all), WRITES(all)];
    const calls = { ...invokes, ...writes };
    const some = sorted(await outputOf(client, caller, { calls }));
    assert.deepEqual(some.done, Object.keys(invokes));
    assert.deepEqual([...new Set(some.reasons)], ["ROLE_MISSING"]);
    await setRoles(client, caller, ["administrator"]);
    // A dead letter is replayed or dropped once.
    const again = Object.fromEntries(
      Object.entries(calls).filter(([name]) => !name.startsWith("deadLetters.")),
    );
    const every = await outputOf(client, caller, { calls: again });
    assert.deepEqual(sorted(every), { done: Object.keys(again), reasons: [] });
    const { function: fn, commit } =
      every["functions.createFunction"].value.functionsServiceCreateFunctionResponse;
    assert.deepEqual([fn.displayName, commit.author], ["made by a function", "Function test"]);
  },

  "a role that is taken away counts at once, and so does deleting": async ({ client }) => {
    const caller = await deployWithSdk(
      client,
      `const change = async (scopedRoleIds) => await settle(() => sdk.functions.updateFunction({
        function: { id: input.self, scopedRoleIds }, updateMask: "scopedRoleIds" }));
      const deleted = async () => await settle(() => sdk.functions.deleteFunction({ id: input.self }));
      if (input.then === "delete") return { first: await deleted(), second: await settle(() => sdk.auth.introspect()) };
      return { first: await change(["reader"]), second: await change(["administrator"]) };`,
      ["administrator"],
    );
    const { first, second } = await outputOf(client, caller, { self: caller });
    assert.ok(first.value);
    assert.equal(second.reason, "ROLE_MISSING");
    await setRoles(client, caller, ["administrator"]);
    const gone = await outputOf(client, caller, { self: caller, then: "delete" });
    assert.ok(gone.first.value);
    assert.equal(gone.second.reason, "ROLE_MISSING");
  },

  "a page token goes on with its own list, for whoever may read that": async ({ client }) => {
    const [{ id }, other] = await Promise.all([target(client), target(client)]);
    for (let n = 0; n < 10; n++) ok(await client.invoke(id));
    const path = `/api/v1/functions/${id}/invocations?page_size=10`;
    const { nextPageToken: pageToken } = ok(await client.get(path));
    const { list } = ok(await client.get(`${path}&page_token=${pageToken}`));
    const caller = await deployWithSdk(client, EACH, ["reader"]);
    const method = "functionsInvocation.list";
    const asked = async (functionId: string) => {
      const calls = { [method]: { functionId, pageSize: 10, pageToken } };
      return (await outputOf(client, caller, { calls }))[method];
    };
    const { value } = await asked(id);
    assert.deepEqual(
      value.functionsInvocationServiceListResponse.list.map((row: Json) => row.id),
      list.map((row: Json) => row.id),
    );
    assert.equal((await asked(other.id)).reason, "INVALID_PAGE_TOKEN");
  },

  "what a function calls acts with its own roles": async ({ client }) => {
    const inner = await deployWithSdk(client, EACH);
    const outer = await deployWithSdk(
      client,
      `return { inner: (await invoke("${inner}", input)).output };`,
      ["administrator"],
    );
    const calls = { "functions.createFunction": { displayName: "x" } };
    const outcome = (await outputOf(client, outer, { calls })).inner["functions.createFunction"];
    assert.equal(outcome.reason, "ROLE_MISSING");
  },

  "a function cannot claim to be another principal": async ({ client }) => {
    const { id } = await target(client);
    const forged = `const results = [];
      for (const call of input.forged) {
        const { done, json } = await import.meta.invoked.call(JSON.stringify(call));
        results.push({ done, value: JSON.parse(json) });
      }
      return { results };`;
    const caller = await deployWithSdk(client, forged);
    const invoke = "c1.api.functions.v1.FunctionsService.Invoke";
    const introspect = "c1.api.auth.v1.Auth.Introspect";
    const principal = { id: "server", roles: ["administrator"], clientId: "server" };
    const { results: [first, second, ...others] } = await outputOf(client, caller, {
      forged: [
        { method: introspect, params: { principal, by: principal, params: { principal } } },
        {
          method: invoke,
          principal,
          invocation: { functionId: id },
          params: { principal, roles: ["administrator"], params: { function_id: id } },
        },
        { method: "__proto__", params: {} },
        { method: "constructor", params: {} },
        { method: introspect.toUpperCase(), params: {} },
        { method: introspect, params: "text" },
        { method: introspect, params: ["a"] },
        { method: invoke, params: { params: { function_id: { id } } } },
        { method: invoke, params: { params: ["x"], body: 7 } },
      ],
    });
    assert.deepEqual(
      [first.value.principleId, first.value.roles, first.done],
      [caller, [], true],
    );
    assert.deepEqual([second.done, second.value.code], [false, "PERMISSION_DENIED"]);
    const codes = others.map(({ value }: Json) => value.code ?? value.principleId);
    const [none, denied] = ["UNIMPLEMENTED", "PERMISSION_DENIED"];
    assert.deepEqual(codes, [none, none, none, caller, caller, denied, denied]);
  },

  "malformed requests are rejected as over HTTP, without harm": async ({ client }) => {
    const echo = await client.deploy(ECHO);
    const caller = await deployWithSdk(
      client,
      `const deep = JSON.parse("[".repeat(500) + "]".repeat(500));
      const polluted = JSON.parse('{"functionId":"${echo}","__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"functionsServiceInvokeRequest":{"__proto__":{"json":"e30="},"json":"e30="}}');
      return {
        missing: await settle(() => sdk.functions.getFunction({})),
        nothing: await settle(() => sdk.functions.getFunction()),
        type: await settle(() => sdk.functions.invoke({ functionId: 7 })),
        path: await settle(() => sdk.functions.getFunction({ id: "../../x?y#z" })),
        base64: await settle(() => sdk.functions.invoke({ functionId: "${echo}", functionsServiceInvokeRequest: { json: "%" } })),
        deep: await settle(() => sdk.functions.createFunction({ displayName: "x", initialContent: deep })),
        huge: await settle(() => sdk.functions.createFunction({ displayName: "x".repeat(17 * 2 ** 20) })),
        polluted: await settle(() => sdk.functions.invoke(polluted)),
        clean: ({}).admin === undefined && ({}).x === undefined,
      };`,
      ["administrator"],
    );
    const odd = await outputOf(client, caller);
    const reasons = Object.fromEntries(
      Object.entries<Json>(odd).map(([name, { reason, name: error }]) => [name, reason ?? error]),
    );
    assert.deepEqual({ ...reasons, polluted: undefined, clean: undefined }, {
      missing: "INVALID_FIELD",
      nothing: "INVALID_FIELD",
      type: "INVALID_FIELD",
      path: "FUNCTION_NOT_FOUND",
      base64: "INVALID_FIELD",
      deep: "BODY_NOT_JSON",
      huge: "TypeError",
      polluted: undefined,
      clean: undefined,
    });
    assert.equal(odd.clean, true);
    assert.ok(odd.polluted.value.functionsServiceInvokeResponse.invocationId);
    assert.match(odd.huge.message, /its limit is 16777216 bytes/);
  },

  "unknown roles are rejected": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const answer = await client.post("/api/v1/functions/update", {
      function: { id, scopedRoleIds: ["invoker", "root"] },
      updateMask: "scopedRoleIds",
    });
    assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", {
      fields: ["function.scopedRoleIds[1]"],
      message: /"root" is not a role of this server: use system:user, /,
    });
  },
});

serverSuite("the API's rate limit", { flags: ["--api-rate", "10", "--api-burst", "20"] }, {
  "counts the host calls of each function": async ({ client }) => {
    const caller = await deployWithSdk(
      client,
      `const all = await Promise.all(Array.from({ length: 500 }, () => settle(() => sdk.auth.introspect())));
      return { rejected: all.filter(({ value }) => value === undefined).map(({ reason, statusCode }) => [reason, statusCode]) };`,
    );
    const { id, output } = await outcomeOf(client, caller);
    assert.ok(output.rejected.length > 0);
    assert.deepEqual([...new Set(output.rejected.map(String))], ["RATE_LIMITED,429"]);
    assert.deepEqual(await childrenOf(client, id), []);
  },
});
