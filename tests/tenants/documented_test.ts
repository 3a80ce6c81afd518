/**
 * The 14 methods of C1's documentation: their requests as the documentation prints them, and functions with corrected
 * requests against the example tenant, while its answers are recorded, and against that recording.
 */
import assert from "node:assert/strict";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import type { Client } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { sharedSuite } from "../support/suite.ts";
import { CALLER, exampleOf, makeCalls, setTenant } from "./calls_functions.ts";
import { Folder, notesOf } from "./support/recording_folder.ts";

const CODE_APP = "2exampleApp0000000000000003";
const TENANT = { id: "example", access: "WRITE" };

/** Inputs and outputs of the functions in `documented`. */
const FUNCTIONS: Readonly<Record<string, { readonly input: object; readonly output: object }>> = {
  list_users: {
    input: { pageSize: 10 },
    output: { first: 25, pages: 4, count: 36, last: "service-2@example.com" },
  },
  check_user: {
    input: { userId: "2exampleUser000000000000002", department: "Finance" },
    output: { approved: true, reason: "status ENABLED, department Finance" },
  },
  find_users: {
    input: { email: "user-3@example.com" },
    output: { found: ["Support"], pages: [10, 10, 10, 6] },
  },
  review_app: {
    input: { name: "code" },
    output: {
      apps: 5,
      app: "Example Code",
      users: 10,
      hasDate: true,
      firstPage: 25,
      entitlements: 30,
    },
  },
  request_access: {
    input: { description: "for a test" },
    output: { description: "for a test", early: 400, revoking: "TASK_STATE_OPEN" },
  },
  check_connectors: {
    input: { appId: CODE_APP },
    output: { errors: ["", "the archive did not answer"] },
  },
};
/** The methods of C1's documentation, and the approval that a revocation needs. */
const METHODS = [
  ...["appEntitlementSearch.search", "appEntitlements.list", "appSearch.search", "apps.get"],
  ...["apps.list", "connector.get", "connector.list", "task.createGrantTask", "task.get"],
  ...["task.createRevokeTask", "taskActions.approve", "taskSearch.search", "user.get", "user.list"],
  "userSearch.search",
];

/**
 * The requests as C1's documentation prints them, with the field that answers them, or with the field that is wrong in the
 * request: C1's SDK and API need an `appId` there, and `taskTypes` of objects.
 */
const PRINTED: readonly (readonly [method: string, request: object | undefined, end: string])[] = [
  ["user.list", { pageSize: 10 }, "userServiceListResponse"],
  ["user.get", { id: "2exampleUser000000000000002" }, "userServiceGetResponse"],
  ["userSearch.search", { query: "user-3@example.com" }, "searchUsersResponse"],
  ["apps.list", undefined, "listAppsResponse"],
  ["apps.get", { id: CODE_APP }, "getAppResponse"],
  ["appSearch.search", { query: "code" }, "searchAppsResponse"],
  ["appEntitlements.list", { appId: CODE_APP }, "listAppEntitlementsResponse"],
  [
    "appEntitlementSearch.search",
    { appIds: [CODE_APP] },
    "appEntitlementSearchServiceSearchResponse",
  ],
  ["task.get", { id: "2exampleTask000000000000002" }, "taskServiceGetResponse"],
  ["taskSearch.search", { taskTypes: ["grant"] }, "INVALID_FIELD taskTypes[0]"],
  ["task.createGrantTask", { appEntitlementId: "e", appUserId: "u" }, "INVALID_FIELD appId"],
  ["task.createRevokeTask", { appEntitlementId: "e", appUserId: "u" }, "INVALID_FIELD appId"],
  ["connector.list", undefined, "INVALID_FIELD appId"],
  ["connector.get", { id: "c" }, "INVALID_FIELD appId"],
];

async function sourceOf(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`documented/${name}.ts`, import.meta.url));
}

/** Gives a function the example tenant of a server. */
async function setExample(client: Client, id: string): Promise<void> {
  await setTenant(client, id, { ...TENANT, id: (await exampleOf(client)).id });
}

sharedSuite("the functions of C1's documentation", {
  "each runs against the example tenant": async ({ client }) => {
    for (const [name, { input, output }] of Object.entries(FUNCTIONS)) {
      const id = await client.deploy(await sourceOf(name));
      await setExample(client, id);
      assert.deepEqual(await outputOf(client, id, input), output, name);
    }
  },

  "the requests that it prints are answered, or the wrong field is named": async ({ client }) => {
    const id = await client.deploy(CALLER);
    await setExample(client, id);
    const calls = PRINTED.map(([name, request]) => {
      const [namespace, method] = name.split(".");
      return { namespace, method, request };
    });
    const { ends } = await makeCalls(client, id, calls);
    for (const [at, [name, , end]] of PRINTED.entries()) {
      const { got = {}, reason, message = "" } = ends[at];
      const [word, field = ""] = end.split(" ");
      if (word !== "INVALID_FIELD") assert.ok(word && word in got, `${name}: ${message}`);
      else assert.deepEqual([reason, message.includes(`: ${field} `)], [word, true], name);
    }
    const [, { got: user }] = ends;
    // The documentation reads user of the answer itself.
    assert.equal(user.user, undefined);
    assert.equal(user.userServiceGetResponse.userView.user.id, "2exampleUser000000000000002");
  },

  "an operation that the example lacks, and an unknown id, are errors of the tenant": async (
    { client },
  ) => {
    const id = await deployWithSdk(
      client,
      `const missing = await settle(() => sdk.user.get({ id: "nobody" }));
      const lacking = await settle(() => sdk.policies.list());
      return { missing, lacking };`,
    );
    await setExample(client, id);
    const output = await outputOf(client, id);
    assert.equal(output.missing.statusCode, 404);
    assert.deepEqual([output.lacking.statusCode, output.lacking.reason], [501, "NOT_IN_EXAMPLE"]);
  },
});

const NAMES = Object.keys(FUNCTIONS);
/** All functions in one, because a recording is of one function. */
const MAIN = `${NAMES.map((name) => `import ${name} from "./${name}.ts";`).join("\n")}
const functions = { ${NAMES.join(", ")} };
export default async function main({ name, input }: { name: keyof typeof functions; input: never }) {
  return await functions[name](input);
}
`;
const TESTS = `import { test, type TestContext } from "@c1/test";
export default function registerTests({ handler }: TestContext) {
  const functions = ${JSON.stringify(FUNCTIONS)};
  for (const [name, { input, output }] of Object.entries(functions)) {
    test(name, async ({ deepEqual }) => deepEqual(await handler({ name, input }), output));
  }
}
`;

Deno.test("each function of C1's documentation runs while it is recorded, and in replay", async () => {
  await using directory = await makeTempDir();
  const folder = await Folder.make(directory.path, TENANT);
  for (const name of NAMES) await folder.write(`${name}.ts`, await sourceOf(name));
  await folder.write("main.ts", MAIN);
  await folder.write("main.test.ts", TESTS);
  notesOf(await folder.run(["test", "--record", "recording"]));
  const files = await Array.fromAsync(Deno.readDir(`${folder.path}/recording`));
  const recorded = files.map((file) => file.name.replace(/\.json$/, "")).toSorted();
  assert.deepEqual(recorded, METHODS.toSorted());
  const replayed = notesOf(await folder.run(["test", "--replay", "recording"]));
  assert.match(replayed, new RegExp(`^${NAMES.length} passed, 0 failed, 0 skipped`, "m"));
});
