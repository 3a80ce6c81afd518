/** The permissions of functions, which no content of an invocation changes. */
import assert from "node:assert/strict";
import { ECHO } from "../invocations/functions.ts";
import type { Json } from "../support/client.ts";
import { assertInvalid, MAIN, ok } from "../support/expect.ts";
import { serverSuite, sharedSuite } from "../support/suite.ts";
import { childrenOf, deployWithSdk, outcomeOf, outputOf, setRoles } from "./support.ts";
import {
  EACH,
  everything,
  INVOKES,
  LISTS,
  NOTHING,
  READS,
  sorted,
  target,
  WRITES,
} from "./every_method.ts";

/** The calls that read the server, and all others. */
function byServer<Call>(calls: Readonly<Record<string, Call>>) {
  const entries = Object.entries(calls);
  const isOfServer = ([name]: [string, Call]) => name.startsWith("server.");
  return {
    ofServer: Object.fromEntries(entries.filter(isOfServer)),
    reads: Object.fromEntries(entries.filter((entry) => !isOfServer(entry))),
  };
}

Deno.test("docs/sdk-methods.md names the permission that each method needs", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/sdk-methods.md", import.meta.url));
  const rows = page.split("\n").filter((line) => line.startsWith("| `sdk."))
    .map((line) => line.split("|").map((cell) => cell.trim().replace(/`|sdk\./g, "")));
  const needing = (permission: string) =>
    rows.filter((row) => row[3] === permission).map((row) => row[1]);
  const { "auth.introspect": _, ...all } = READS(NOTHING);
  const { ofServer, reads } = byServer(all);
  const tables = [["functions:read", reads], ["functions:invoke", INVOKES(NOTHING)]] as const;
  for (const [permission, calls] of [...tables, ["functions:write", WRITES(NOTHING)]] as const) {
    assert.deepEqual(needing(permission).sort(), Object.keys(calls).sort());
  }
  assert.deepEqual(needing("self"), ["auth.introspect", "roles.list", "roles.get", "user.get"]);
  assert.deepEqual(needing("server:read"), Object.keys(ofServer));
});

sharedSuite("the permissions of functions", {
  "without a role a function reads itself alone": async ({ client }) => {
    const all = await everything(client);
    const caller = await deployWithSdk(client, EACH);
    const { function: { publishedCommitId } } = ok(await client.get(`/api/v1/functions/${caller}`));
    const { id: invocationId } = await outcomeOf(client, caller, { calls: {} });
    const { reads: own } = byServer(READS({
      ...all,
      ...{ id: caller, commitId: publishedCommitId, invocationId, triggered: caller },
    }));
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
    assert.deepEqual([first.value.principleId, first.value.roles, first.done], [caller, [], true]);
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
    const answer = await client.update(id, { scopedRoleIds: ["invoker", "root"] }, "scopedRoleIds");
    assertInvalid(
      answer,
      "function.scopedRoleIds[1]",
      /"root" is not a role of this server: use system:user, /,
    );
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
