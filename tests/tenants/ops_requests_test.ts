/** The requests that the arguments of `sdk` become, compared with those of C1's SDK. */
import assert from "node:assert/strict";
import { OPERATIONS } from "../../sdk/api_operations.ts";
import { InvalidArgument } from "../../src/tenants/contract.ts";
import {
  answererOf,
  findOperation,
  methodsByNamespace,
  requestOf,
  unknownMethod,
} from "../../src/tenants/operations.ts";
import recorded from "./recorded_requests.json" with { type: "json" };

interface Recorded {
  readonly call: string;
  readonly request?: unknown;
  readonly verb: string;
  readonly path: string;
  readonly body?: unknown;
}

/** The methods of C1's documentation for functions. */
const DOCUMENTED = [
  ...["user.list", "user.get", "userSearch.search", "apps.list", "apps.get", "appSearch.search"],
  ...["appEntitlements.list", "appEntitlementSearch.search", "task.get", "taskSearch.search"],
  ...["task.createGrantTask", "task.createRevokeTask", "connector.list", "connector.get"],
];

function request(call: string, argument?: unknown) {
  const [namespace = "", method = ""] = call.split(".");
  const operation = findOperation(namespace, method);
  assert.ok(operation, unknownMethod(namespace, method));
  return requestOf(operation, argument);
}

Deno.test("sdk makes the requests that C1's SDK makes", () => {
  const requests: readonly Recorded[] = recorded.requests;
  assert.deepEqual(DOCUMENTED.filter((name) => !requests.some(({ call }) => call === name)), []);
  assert.ok(new Set(requests.map(({ call }) => call)).size >= 40);
  for (const { call, request: argument, verb, path, body } of requests) {
    const made = request(call, argument);
    const sent = made.body === undefined ? undefined : JSON.parse(made.body);
    assert.deepEqual([made.verb, made.path, sent], [verb, path, body], call);
  }
});

/** Calls that are rejected, the field that the error names, and what it says. */
const LONG = "x".repeat(1_000_000);
const REJECTED: readonly (readonly [string, unknown, string, RegExp])[] = [
  ["apps.get", {}, "id", /^sdk\.apps\.get: id is missing$/],
  ["apps.get", { appId: "a" }, "appId", /^sdk\.apps\.get: appId is not a field .*: use id$/],
  ["apps.get", undefined, "id", /is missing/],
  ["apps.get", { id: null }, "id", /is missing/],
  ["apps.get", { id: "" }, "id", /is empty/],
  ["apps.get", { id: 7 }, "id", /is a number, not text/],
  ["apps.get", { id: ".." }, "id", /is "\.\.", which is not an id/],
  ["apps.get", { id: "\ud800" }, "id", /well-formed/],
  ["apps.get", { id: "a", appId: "b" }, "appId", /is not a field/],
  ["apps.get", ["a"], "request", /is a list, not an object/],
  ["apps.list", { page_size: 10 }, "page_size", /did you mean pageSize\?$/],
  ["apps.list", { pageSize: "10" }, "pageSize", /is text, not an integer/],
  ["apps.list", { pageSize: 1.5 }, "pageSize", /is a number, not an integer/],
  ["user.list", JSON.parse('{"__proto__":{"pageSize":1}}'), "__proto__", /is not a field/],
  // A key of any length is compared with no spelling, and errors name its beginning.
  ["apps.list", { [LONG]: 1 }, `${"x".repeat(256)}...`, /^.{0,400}: use pageSize, pageToken$/],
  [
    "userSearch.search",
    { [LONG]: 1 },
    `${"x".repeat(256)}...`,
    /is not a field of the request: use /,
  ],
  ["user.get", { id: "x".repeat(70_000) }, "id", /at most 16,384 characters$/],
  ["apps.list", { pageSize: 1, pageToken: "é".repeat(10_000) }, "pageToken", /is too long/],
  ["apps.create", {}, "displayName", /is missing/],
  ["task.createGrantTask", { appEntitlementId: "a" }, "appId", /is missing/],
  ["taskSearch.search", { taskTypes: ["grant"] }, "taskTypes[0]", /is text, not an object/],
  ["taskSearch.search", { taskTypes: [{ grnt: {} }] }, "taskTypes[0].grnt", /mean grant\?/],
  ["taskSearch.search", { createdAfter: "soon" }, "createdAfter", /is text, not a time/],
  ["taskSearch.search", { createdAfter: "2026" }, "createdAfter", /is text, not a time such as 2/],
  ["userSearch.search", { refs: { id: "a" } }, "refs", /is an object, not a list/],
  ["userSearch.search", { ids: [null, "x"] }, "ids[0]", /ids\[0\] is null$/],
  ["userSearch.search", { refs: [{ ids: "a" }] }, "refs[0].ids", /did you mean id\?/],
  ["apps.update", { id: "a", updateAppRequest: 1 }, "updateAppRequest", /is a number/],
  [
    "apps.update",
    { id: "a", updateAppRequest: { app: { displayNam: "b" } } },
    "updateAppRequest.app.displayNam",
    /did you mean displayName\?/,
  ],
  ["apps.update", { id: "a", app: {} }, "app", /is not a field of the request/],
  [
    "connector.create",
    { appId: "a", connectorServiceCreateRequest: { config: { "@type": "b" } } },
    "connectorServiceCreateRequest.config.@type",
    /did you mean atType\?/,
  ],
  ["paperSecret.createInternal", { fileSize: "many" }, "fileSize", /is text, not an integer/],
];

Deno.test("arguments that a method does not take are rejected with the field", () => {
  for (const [call, argument, field, message] of REJECTED) {
    const what = `${call}(${JSON.stringify(argument)?.slice(0, 1000)})`;
    try {
      request(call, argument);
    } catch (error) {
      assert.ok(error instanceof InvalidArgument, `${what}: ${error}`);
      assert.equal(error.field, field, what);
      assert.match(error.message, message, what);
      continue;
    }
    assert.fail(`${what} was accepted`);
  }
});

Deno.test("no value leaves its segment of the path or its parameter of the query", () => {
  const values = ["../x?y", "a/../../b", "%2e%2e", "a#b", "a\\b", "a;b", "?", "a&b=c", "é\n\0"];
  for (const value of values) {
    const { path } = request("appEntitlements.list", { appId: value, pageToken: value });
    const url = new URL(path, "https://tenant.example");
    assert.equal(url.pathname.split("/").length, 6, value);
    assert.equal(decodeURIComponent(url.pathname.split("/")[4] ?? ""), value);
    assert.deepEqual([...url.searchParams], [["page_token", value]]);
    assert.equal(url.hash, "");
  }
});

Deno.test("each method has the access that its operation needs", () => {
  const accessOf = (name: string) => {
    const [namespace = "", method = ""] = name.split(".");
    return findOperation(namespace, method)?.access;
  };
  const reads = ["apps.get", "userSearch.search", "taskAudit.list", "user.introspect"];
  assert.deepEqual(reads.filter((name) => accessOf(name) !== "READ"), []);
  const writes = ["apps.delete", "taskActions.close", "webhooks.test", "paperSecret.getContent"];
  assert.deepEqual(writes.filter((name) => accessOf(name) !== "WRITE"), []);
  const names = [...methodsByNamespace()].flatMap(([namespace, methods]) =>
    methods.map((method) => findOperation(namespace, method))
  );
  const gets = names.filter((operation) => operation?.verb === "GET");
  assert.ok(gets.every((operation) => operation?.access === "READ"));
  const changing = names.filter((operation) =>
    /^(?:PUT|PATCH|DELETE)$/.test(operation?.verb ?? "")
  );
  assert.ok(changing.every((operation) => operation?.access === "WRITE"));
});

Deno.test("this server answers the namespaces that it has, and a tenant all others", () => {
  const own = Object.keys(OPERATIONS);
  assert.deepEqual(own.filter((name) => answererOf(name) === "tenant"), []);
  const ofTenant = [...methodsByNamespace().keys()];
  assert.deepEqual(ofTenant.filter((name) => answererOf(name) === "server"), []);
  const either = ofTenant.filter((name) => answererOf(name) === "either");
  assert.deepEqual(own.filter((name) => ofTenant.includes(name)).toSorted(), either);
});

Deno.test("an unknown method gets an error with near names", () => {
  assert.match(
    unknownMethod("apps", "lst"),
    /^Unknown method sdk\.apps\.lst: did you mean sdk\.apps\.list\? sdk\.apps has create,/,
  );
  assert.match(unknownMethod("app", "list"), /did you mean sdk\.apps\?/);
  assert.match(unknownMethod("__proto__", "list"), /^Unknown namespace sdk\.__proto__/);
  assert.match(unknownMethod("functions", "invoke"), /this server answers sdk\.functions/);
});
