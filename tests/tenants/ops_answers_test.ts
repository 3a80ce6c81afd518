/** Answers of a tenant in the form of C1's SDK. */
import assert from "node:assert/strict";
import { TenantError } from "../../src/tenants/contract.ts";
import { answerOf, findOperation } from "../../src/tenants/operations.ts";

function answer(call: string, body: unknown) {
  const [namespace = "", method = ""] = call.split(".");
  const operation = findOperation(namespace, method);
  assert.ok(operation);
  return answerOf(operation, {
    status: 200,
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Any field may be null, and a value of an enum newer than the table. */
const NEWER_APP = {
  app: {
    accessModel: "APP_ACCESS_MODEL_NEWER",
    appOwners: null,
    displayName: null,
    isDirectory: false,
    monthlyCostUsd: null,
    connectorVersion: 7,
    userCount: null,
    createdAt: null,
    updatedAt: "2026-01-02T03:04+0500",
  },
};

const TIME = "2026-01-02T03:04:05.000000006Z";

/** Calls, what the tenant answers, what C1's SDK 1.2.2 makes of it, and where it has dates. */
const ANSWERS = [
  [
    "user.list",
    {
      list: [{ user: { id: "user-1", createdAt: TIME, profile: { createdAt: TIME } } }, {}],
      expanded: [{
        "@type": "type.googleapis.com/c1.api.app.v1.App",
        id: "app-1",
        createdAt: TIME,
      }, {}],
      nextPageToken: "",
    },
    {
      list: [{ user: { id: "user-1", createdAt: TIME, profile: { createdAt: TIME } } }, {}],
      expanded: [{
        atType: "type.googleapis.com/c1.api.app.v1.App",
        additionalProperties: { id: "app-1", createdAt: TIME },
      }, {}],
      nextPageToken: "",
    },
    ["list.*.user.createdAt"],
  ],
  [
    "apps.get",
    { app: { id: "app-1", userCount: "12" } },
    { app: { id: "app-1", userCount: 12 } },
    [],
  ],
  [
    "apps.get",
    NEWER_APP,
    NEWER_APP,
    ["app.updatedAt"],
  ],
  ["apps.get", { app: { userCount: 12 } }, { app: { userCount: 12 } }, []],
  [
    "hooks.get",
    { hook: { function: { functionId: "function-1" }, filter: {}, updatedAt: TIME } },
    { hook: { hookFunctionRef: { functionId: "function-1" }, hookFilter: {}, updatedAt: TIME } },
    ["hook.updatedAt"],
  ],
  [
    "connector.get",
    { connectorView: { connector: { config: { "@type": "a", key: { value: 1 } }, status: null } } },
    {
      connectorView: {
        connector: {
          config: { atType: "a", additionalProperties: { key: { value: 1 } } },
          status: null,
        },
      },
    },
    [],
  ],
] as const;

Deno.test("answers have the names, numbers and dates of C1's SDK", () => {
  for (const [call, body, value, dates] of ANSWERS) {
    const made = answer(call, body);
    assert.deepEqual([made.value, made.dates], [value, dates], call);
    assert.deepEqual([made.statusCode, made.contentType], [200, "application/json"]);
  }
  assert.equal(answer("apps.list", {}).key, "listAppsResponse");
  assert.deepEqual([answer("apps.list", {}).isPaged, answer("appSearch.search", {}).isPaged], [
    false,
    true,
  ]);
});

Deno.test("fields that the table does not have are kept", () => {
  const value = { app: { id: "a", newer: { "@type": "b" } }, newest: 1 };
  assert.deepEqual(answer("apps.get", value).value, value);
  const polluted = '{"__proto__":{"admin":true},"app":{"__proto__":{"admin":true}}}';
  const { value: kept } = answer("apps.get", polluted);
  assert.equal(JSON.stringify(kept), polluted);
  assert.equal((kept as Record<string, unknown>).admin, undefined);
});

/** Answers of another form, and what the error says. */
const BAD: readonly (readonly [unknown, RegExp, string?])[] = [
  ["<html>", /^sdk\.user\.list: the answer of the tenant is not JSON$/, "TENANT_NOT_JSON"],
  ["", /is not JSON/, "TENANT_NOT_JSON"],
  ["[]", /^sdk\.user\.list: the answer of the tenant is not an object$/],
  ["null", /is not an object/],
  [{ list: {} }, /: list in the answer of the tenant is not a list$/],
  [{ list: [[]] }, /list\.\* in the answer of the tenant is not an object/],
  [{ list: [{ user: { createdAt: "soon" } }] }, /list\.\*\.user\.createdAt .* is not a time/],
  [
    `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    /nests deeper than 1000 levels/,
    "TENANT_ANSWER_TOO_LARGE",
  ],
];

/** Fields of an app, values of other types, and what they should have been. */
const BAD_FIELDS: readonly (readonly [string, unknown, string])[] = [
  ["displayName", 5, "text"],
  ["accessModel", 1, "text"],
  ["isDirectory", "no", "true or false"],
  ["isDirectory", 0, "true or false"],
  ["monthlyCostUsd", "5", "an integer"],
  ["monthlyCostUsd", 1.5, "an integer"],
  ["userCount", "", "an integer"],
  ["userCount", true, "an integer"],
  ["userCount", [], "an integer"],
  ...["2026", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "Jan 2, 2026", 5].map(
    (time) => ["createdAt", time, "a time such as 2026-01-02T03:04:05Z"] as const,
  ),
];

Deno.test("an answer of another form is an error that names the field", () => {
  for (const [body, message, code = "TENANT_SCHEMA_CHANGED"] of BAD) {
    try {
      answer("user.list", body);
    } catch (error) {
      assert.ok(error instanceof TenantError && error.code === code, `${error}`);
      assert.match(error.message, message);
      continue;
    }
    assert.fail(`${JSON.stringify(body)} was accepted`);
  }
  for (const [name, value, expected] of BAD_FIELDS) {
    assert.throws(
      () => answer("apps.get", { app: { [name]: value } }),
      ({ code, message }: TenantError) =>
        code === "TENANT_SCHEMA_CHANGED" &&
        message === `sdk.apps.get: app.${name} in the answer of the tenant is not ${expected}`,
      `${name}: ${JSON.stringify(value)}`,
    );
  }
  assert.throws(() => answer("user.list", { list: [null] }), /: list\.\* in .* is null$/);
  assert.throws(
    () => answer("user.list", { expanded: [{ "@type": 1 }] }),
    /: expanded\.\*\.atType in the answer of the tenant is not text$/,
  );
  assert.throws(
    () => answer("task.createGrantTask", "[]"),
    /is not an object; the tenant may have performed the request$/,
  );
});
