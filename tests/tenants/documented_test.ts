/**
 * Functions as C1's documentation has them: all 14 of its methods, against the example tenant, while its answers are
 * recorded, and against that recording.
 */
import assert from "node:assert/strict";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { serverSuite } from "../support/suite.ts";
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

async function sourceOf(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`documented/${name}.ts`, import.meta.url));
}

/** Gives a function the example tenant of a server. */
async function setExample(client: Client, id: string): Promise<void> {
  const { list } = ok(await client.get("/api/v1/tenants"));
  const found = list.find(({ isExample }: Json) => isExample);
  const tenant = found ?? ok(await client.post("/api/v1/tenants", { isExample: true })).tenant;
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id, tenant: { ...TENANT, id: tenant.id } },
      updateMask: "tenant",
    }),
  );
}

serverSuite("the functions of C1's documentation", {}, {
  "each runs against the example tenant": async ({ client }) => {
    for (const [name, { input, output }] of Object.entries(FUNCTIONS)) {
      const id = await client.deploy(await sourceOf(name));
      await setExample(client, id);
      assert.deepEqual(await outputOf(client, id, input), output, name);
    }
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
