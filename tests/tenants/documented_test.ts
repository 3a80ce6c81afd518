/** What the functions of C1's documentation do with `sdk`: all 14 of its methods, against the example tenant. */
import assert from "node:assert/strict";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";

const USER_2 = "2exampleUser000000000000002";
const CODE_APP = "2exampleApp0000000000000003";

/** The example tenant of a server, added once. */
async function exampleTenantOf(client: Client): Promise<string> {
  const { list } = ok(await client.get("/api/v1/tenants"));
  const found = list.find(({ isExample }: Json) => isExample);
  return found?.id ?? ok(await client.post("/api/v1/tenants", { isExample: true })).tenant.id;
}

/** The output of a function with this body of `main`, which may call the example tenant. */
async function run(client: Client, body: string, input: Json = {}): Promise<Json> {
  const id = await deployWithSdk(client, body);
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id, tenant: { id: await exampleTenantOf(client), access: "WRITE" } },
      updateMask: "tenant",
    }),
  );
  return await outputOf(client, id, input);
}

serverSuite("the functions of C1's documentation", {}, {
  "users are listed, on one page and on all": async ({ client }) => {
    const output = await run(
      client,
      `const first = await sdk.user.list();
      const all = [];
      let pageToken: string | undefined;
      do {
        const { userServiceListResponse } = await sdk.user.list({ pageSize: 10, pageToken });
        all.push(...userServiceListResponse?.list ?? []);
        pageToken = userServiceListResponse?.nextPageToken;
      } while (pageToken);
      return {
        first: first.userServiceListResponse?.list?.length,
        all: all.length,
        emails: all.slice(0, 2).map((view) => view.user?.email),
      };`,
    );
    assert.deepEqual(output, {
      first: 25,
      all: 36,
      emails: ["user-1@example.com", "user-2@example.com"],
    });
  },

  "a user is read for a check before an approval": async ({ client }) => {
    const output = await run(
      client,
      `const { userServiceGetResponse } = await sdk.user.get({ id: input.userId });
      const user = userServiceGetResponse?.userView?.user;
      return { email: user?.email, eligible: user?.status === "ENABLED", department: user?.department };`,
      { userId: USER_2 },
    );
    assert.deepEqual(output, {
      email: "user-2@example.com",
      eligible: true,
      department: "Finance",
    });
  },

  "users are searched, page by page": async ({ client }) => {
    const output = await run(
      client,
      `const [found] = (await sdk.userSearch.search({ query: "user-3@example.com" }))
        .searchUsersResponse?.list ?? [];
      const names = [];
      for await (const page of await sdk.userSearch.search({ pageSize: 10 })) {
        names.push(page.searchUsersResponse?.list?.length);
      }
      return { found: found?.user?.displayName, names };`,
    );
    assert.deepEqual(output, { found: "User 3", names: [10, 10, 10, 6] });
  },

  "apps and their entitlements are listed, read and searched": async ({ client }) => {
    const output = await run(
      client,
      `const { listAppsResponse } = await sdk.apps.list();
      const { getAppResponse } = await sdk.apps.get({ id: input.appId });
      const { searchAppsResponse } = await sdk.appSearch.search({ query: "chat" });
      const { listAppEntitlementsResponse } = await sdk.appEntitlements.list({ appId: input.appId });
      const pages = [];
      for await (const page of await sdk.appEntitlementSearch.search({ appIds: [input.appId] })) {
        pages.push(page.appEntitlementSearchServiceSearchResponse?.list?.length);
      }
      return {
        apps: listAppsResponse?.list?.map((app) => app.displayName),
        users: getAppResponse?.app?.userCount,
        created: getAppResponse?.app?.createdAt instanceof Date,
        chat: searchAppsResponse?.list?.length,
        entitlements: listAppEntitlementsResponse?.list?.length,
        pages,
      };`,
      { appId: CODE_APP },
    );
    const names = ["Directory", "Chat", "Code", "Payroll", "Storage"];
    assert.deepEqual(output, {
      apps: names.map((name) => `Example ${name}`),
      users: 10,
      created: true,
      chat: 1,
      entitlements: 25,
      pages: [25, 5],
    });
  },

  "tasks are searched, created and read": async ({ client }) => {
    const output = await run(
      client,
      `const { taskSearchResponse } = await sdk.taskSearch.search({
        taskTypes: [{ grant: {} }],
        taskStates: ["TASK_STATE_OPEN"],
      });
      const { appId, appEntitlementId, appUserId } = taskSearchResponse?.list?.[0]?.task?.type?.grant ?? {};
      const request = { appId: appId!, appEntitlementId: appEntitlementId!, appUserId };
      const granting = await sdk.task.createGrantTask({ ...request, description: "for a test" });
      const id = granting.taskServiceCreateGrantResponse?.taskView?.task?.id ?? "";
      const { taskServiceGetResponse } = await sdk.task.get({ id });
      const before = await settle(() => sdk.task.createRevokeTask(request));
      await sdk.taskActions.approve({ taskId: id });
      const revoking = await sdk.task.createRevokeTask(request);
      return {
        description: taskServiceGetResponse?.taskView?.task?.description,
        before: before.statusCode,
        state: revoking.taskServiceCreateRevokeResponse?.taskView?.task?.state,
      };`,
    );
    assert.deepEqual(output, {
      description: "for a test",
      before: 400,
      state: "TASK_STATE_OPEN",
    });
  },

  "connectors are listed and read": async ({ client }) => {
    const output = await run(
      client,
      `const { connectorServiceListResponse } = await sdk.connector.list({ appId: input.appId });
      const id = connectorServiceListResponse?.list?.[1]?.connector?.id ?? "";
      const { connectorServiceGetResponse } = await sdk.connector.get({ appId: input.appId, id });
      const { status } = connectorServiceGetResponse?.connectorView?.connector ?? {};
      return { count: connectorServiceListResponse?.list?.length, error: status?.lastError };`,
      { appId: CODE_APP },
    );
    assert.deepEqual(output, { count: 2, error: "the archive did not answer" });
  },

  "an operation that the example lacks, and an unknown id, are errors of the tenant": async (
    { client },
  ) => {
    const output = await run(
      client,
      `const missing = await settle(() => sdk.user.get({ id: "nobody" }));
      const lacking = await settle(() => sdk.policies.list());
      return { missing, lacking };`,
    );
    assert.equal(output.missing.statusCode, 404);
    assert.deepEqual([output.lacking.statusCode, output.lacking.reason], [501, "NOT_IN_EXAMPLE"]);
  },
});
