/** The example tenant answers as C1's documentation says: tokens, pages, filters, errors, and tasks that change its data. */
import assert from "node:assert/strict";
import { exampleCredentials, exampleTenant } from "../../examples/tenant/app.ts";
import { TASKS_MAX } from "../../examples/tenant/tasks.ts";
import type { Json } from "../support/client.ts";
import { type Answer, startExampleTenant, TenantClient } from "./example_client.ts";

const USER_1 = "2exampleUser000000000000001";
const CODE_APP = "2exampleApp0000000000000003";

async function withTenant(run: (client: TenantClient) => Promise<void>): Promise<void> {
  await using tenant = await startExampleTenant();
  using client = await TenantClient.open(tenant.credentials);
  await run(client);
}

/** Fails unless the answer is an error with this status and reason; answers its message. */
function errorOf({ status, body }: Answer, expected: number, reason: string): string {
  assert.equal(status, expected, JSON.stringify(body));
  assert.equal(body.details[0].reason, reason);
  assert.equal(typeof body.code, "number");
  return body.message;
}

/** All items of a list, and the number of its pages. */
async function allPages(
  read: (token: string) => Promise<Json>,
): Promise<{ readonly items: Json[]; readonly pages: number }> {
  const items: Json[] = [];
  let token = "";
  for (let pages = 1;; pages++) {
    const { list, nextPageToken } = await read(token);
    items.push(...list);
    if (nextPageToken === "") return { items, pages };
    token = nextPageToken;
  }
}

Deno.test("a token is issued for a signed assertion alone", async () => {
  await using tenant = await startExampleTenant();
  using client = await TenantClient.open(tenant.credentials);
  const { status, body } = await client.token();
  assert.deepEqual([status, body.token_type, body.expires_in], [200, "Bearer", 600]);
  for (
    const wrong of [
      { audience: "other.example" },
      { issuer: "nobody@other.example/spc" },
      { expiresIn: "1h" },
      { expiresIn: "-5m" },
    ]
  ) {
    const rejected = await client.token(wrong);
    assert.deepEqual([rejected.status, rejected.body.error], [401, "invalid_client"]);
  }
  using other = await TenantClient.open({
    ...tenant.readOnly,
    clientSecret: tenant.credentials.clientSecret,
  });
  assert.equal((await other.token()).body.error, "invalid_client");
  errorOf(await client.call("GET", "/api/v1/users", undefined, "guessed"), 401, "INVALID_TOKEN");
  const me = await client.ok("GET", "/api/v1/auth/introspect");
  assert.equal(me.principleId, "example-writer-10001");
});

Deno.test("each start has the same data, and its own changes", async () => {
  const [first, second] = [exampleTenant(), exampleTenant()];
  assert.deepEqual(exampleCredentials("example"), exampleCredentials("example"));
  assert.notDeepEqual(exampleCredentials("example"), exampleCredentials("example", "READ"));
  for (const tenant of [first, second]) {
    assert.equal((await tenant(new Request("https://example/api/v1/users"))).status, 401);
  }
  await withTenant(async (one) => {
    await withTenant(async (other) => {
      const of = (client: TenantClient) => client.ok("POST", "/api/v1/search/tasks", {});
      assert.deepEqual(await of(one), await of(other));
    });
  });
});

Deno.test("lists are read in pages, and a token is for its own list", async () => {
  await withTenant(async (client) => {
    const users = (token: string) =>
      client.ok("GET", `/api/v1/users?page_size=10&page_token=${token}`);
    const { items, pages } = await allPages(users);
    assert.deepEqual([items.length, pages], [36, 4]);
    assert.equal(new Set(items.map(({ user }) => user.id)).size, 36);
    const { nextPageToken, list } = await client.ok("GET", "/api/v1/users");
    assert.equal(list.length, 25);
    const foreign = `/api/v1/apps?page_token=${nextPageToken}`;
    const search = (pageToken: string, query = "user") =>
      client.call("POST", "/api/v1/search/users", { query, pageToken });
    for (
      const answer of [
        await client.call("GET", foreign),
        await client.call("GET", "/api/v1/users?page_token=made-up"),
        await client.call("GET", "/api/v1/users?page_size=ten"),
        await client.call("GET", "/api/v1/users?page_size=-1"),
        await search(nextPageToken),
        await search((await search("")).body.nextPageToken, "service"),
        await client.call("POST", "/api/v1/search/users", { pageSize: 1.5 }),
      ]
    ) {
      const message = errorOf(answer, 400, "INVALID_FIELD");
      assert.match(message, /^Invalid page(?:Size|Token): /);
    }
  });
});

Deno.test("users, apps, entitlements, connectors, accounts and resources are found", async () => {
  await withTenant(async (client) => {
    const search = async (what: string, body: Json): Promise<Json[]> =>
      (await allPages((pageToken) =>
        client.ok("POST", `/api/v1/search/${what}`, { ...body, pageToken })
      )).items;
    const { userView } = await client.ok("GET", `/api/v1/users/${USER_1}`);
    assert.equal(userView.user.email, "user-1@example.com");
    assert.match(userView.user.createdAt, /^2026-01-\d\dT.*Z$/);
    const found = await search("users", { query: "USER-12@" });
    assert.deepEqual(found.map(({ user }) => user.displayName), ["User 12"]);
    const finance = await search("users", { departments: ["Finance"], userStatuses: ["ENABLED"] });
    assert.ok(finance.length > 5 && finance.every(({ user }) => user.department === "Finance"));
    const [code] = await search("apps", { query: "code" });
    assert.deepEqual([code?.id, code?.userCount], [CODE_APP, "10"]);
    assert.equal((await search("apps", { onlyDirectories: true })).length, 1);
    const { items } = await allPages((token) =>
      client.ok("GET", `/api/v1/apps/${CODE_APP}/entitlements?page_token=${token}`)
    );
    assert.equal(items.length, 30);
    assert.deepEqual(
      (await search("entitlements", { appIds: [CODE_APP] })).map((view) => view.appEntitlement.id),
      items.map((view) => view.appEntitlement.id),
    );
    const { id, grantCount } = items[0].appEntitlement;
    const users = await client.ok("GET", `/api/v1/apps/${CODE_APP}/entitlements/${id}/users`);
    assert.equal(String(users.list.length), grantCount);
    const { list } = await client.ok("GET", `/api/v1/apps/${CODE_APP}/connectors`);
    assert.deepEqual(list.map(({ connector }: Json) => connector.status.status), [
      "SYNC_STATUS_DONE",
      "SYNC_STATUS_ERROR",
    ]);
    const path = `/api/v1/apps/${CODE_APP}/connectors/${list[1].connector.id}`;
    assert.deepEqual((await client.ok("GET", path)).connectorView, list[1]);
    const accounts = await search("app_users", { appIds: [CODE_APP], userIds: [USER_1] });
    assert.equal(accounts[0]?.appUser.identityUserId, USER_1);
    assert.equal((await search("app_resources", { appId: CODE_APP })).length, 10);
    assert.equal((await search("app_resource_types", { query: "repo" })).length, 1);
  });
});

Deno.test("a request that C1 rejects is rejected, and what the example lacks is named", async () => {
  await withTenant(async (client) => {
    errorOf(await client.call("GET", "/api/v1/users/nobody"), 404, "NOT_FOUND");
    errorOf(await client.call("GET", `/api/v1/apps/${CODE_APP}/connectors/x`), 404, "NOT_FOUND");
    errorOf(await client.call("GET", "/elsewhere"), 404, "NOT_FOUND");
    const tasks = (body: unknown) => client.call("POST", "/api/v1/search/tasks", body);
    const strings = errorOf(await tasks({ taskTypes: ["grant"] }), 400, "INVALID_FIELD");
    assert.match(strings, /^Invalid taskTypes: it is not a list of objects$/);
    errorOf(await tasks({ taskTypes: [{ give: {} }] }), 400, "INVALID_FIELD");
    errorOf(await tasks({ taskStates: ["OPEN"] }), 400, "INVALID_FIELD");
    errorOf(await tasks("[]"), 400, "INVALID_BODY");
    errorOf(await tasks("{"), 400, "INVALID_BODY");
    const filter = errorOf(await tasks({ actorId: USER_1 }), 501, "NOT_IN_EXAMPLE");
    assert.match(filter, /the field "actorId" of this search/);
    const lacking = errorOf(await client.call("GET", "/api/v1/policies"), 501, "NOT_IN_EXAMPLE");
    assert.match(lacking, /the operation GET \/api\/v1\/policies/);
  });
});

Deno.test("tasks that functions create have a limit, and drop the oldest", async () => {
  await withTenant(async (client) => {
    const { list: [{ task }] } = await client.ok("POST", "/api/v1/search/tasks", {
      taskStates: ["TASK_STATE_OPEN"],
      taskTypes: [{ grant: {} }],
    });
    const { appId, appEntitlementId, appUserId } = task.type.grant;
    const target = { appId, appEntitlementId, appUserId };
    const grant = (body: object) => client.call("POST", "/api/v1/task/grant", body);
    const description = "x".repeat(4096);
    assert.equal((await grant({ ...target, description })).status, 200);
    const longer = await grant({ ...target, description: `${description}x` });
    const message = errorOf(longer, 400, "INVALID_FIELD");
    assert.equal(message, "Invalid description: it has 4097 characters, the limit is 4096");
    const numbers: number[] = [];
    for (let count = 0; count < TASKS_MAX; count++) {
      const { taskView } = (await grant(target)).body;
      numbers.push(Number(taskView.task.numericId));
    }
    const { items } = await allPages((pageToken) =>
      client.ok("POST", "/api/v1/search/tasks", { pageToken, pageSize: 100 })
    );
    assert.deepEqual(items.map((view) => Number(view.task.numericId)), numbers.toReversed());
    errorOf(await client.call("GET", `/api/v1/tasks/${task.id}`), 404, "NOT_FOUND");
  });
});

Deno.test("tasks are created, found, approved and denied, and change the grants", async () => {
  await withTenant(async (client) => {
    const open = await client.ok("POST", "/api/v1/search/tasks", {
      taskTypes: [{ grant: {} }],
      taskStates: ["TASK_STATE_OPEN"],
    });
    assert.ok(open.list.length > 0);
    const { appId, appEntitlementId, appUserId } = open.list[0].task.type.grant;
    const body = { appId, appEntitlementId, appUserId };
    const users = async () => {
      const path = `/api/v1/apps/${appId}/entitlements/${appEntitlementId}/users?page_size=100`;
      return (await client.ok("GET", path)).list.map((view: Json) => view.appUserId);
    };
    assert.ok(!(await users()).includes(appUserId));
    errorOf(await client.call("POST", "/api/v1/task/revoke", body), 400, "NO_GRANT");
    const created = await client.ok("POST", "/api/v1/task/grant", {
      ...body,
      description: "for a test",
      grantDuration: "3600s",
    });
    const { id, numericId, type } = created.taskView.task;
    assert.equal(type.grant.grantDuration, "3600s");
    assert.deepEqual(await client.ok("GET", `/api/v1/tasks/${numericId}`), created);
    const found = await client.ok("POST", "/api/v1/search/tasks", { query: "for a TEST" });
    assert.deepEqual(found.list, [created.taskView]);
    const { taskView } = await client.ok("POST", `/api/v1/tasks/${id}/action/approve`, {});
    assert.equal(taskView.task.type.grant.outcome, "GRANT_OUTCOME_GRANTED");
    assert.ok((await users()).includes(appUserId));
    errorOf(await client.call("POST", `/api/v1/tasks/${id}/action/deny`, {}), 400, "TASK_CLOSED");
    const revoke = (await client.ok("POST", "/api/v1/task/revoke", body)).taskView.task;
    await client.ok("POST", `/api/v1/tasks/${revoke.id}/action/approve`, {});
    assert.ok(!(await users()).includes(appUserId));
  });
});

Deno.test("a task needs its entitlement and one account, and a client that may write", async () => {
  await using tenant = await startExampleTenant();
  using client = await TenantClient.open(tenant.credentials);
  const { list: [{ appEntitlement }] } = await client.ok(
    "GET",
    `/api/v1/apps/${CODE_APP}/entitlements`,
  );
  const body = { appId: CODE_APP, appEntitlementId: appEntitlement.id };
  const create = (own: Json) => client.call("POST", "/api/v1/task/grant", { ...body, ...own });
  for (
    const [own, field] of [
      [{ appId: "" }, "appId"],
      [{ appEntitlementId: 1 }, "appEntitlementId"],
      [{}, "appUserId"],
      [{ appUserId: "a", identityUserId: "b" }, "appUserId"],
      [{ identityUserId: USER_1, grantDuration: "an hour" }, "grantDuration"],
    ] as const
  ) {
    const message = errorOf(await create(own), 400, "INVALID_FIELD");
    assert.ok(message.startsWith(`Invalid ${field}: `), message);
  }
  errorOf(await create({ appUserId: "nobody" }), 404, "NOT_FOUND");
  errorOf(await create({ appEntitlementId: "nothing" }), 404, "NOT_FOUND");
  errorOf(await create({ identityUserId: "nobody" }), 404, "NOT_FOUND");
  using reader = await TenantClient.open(tenant.readOnly);
  const denied = await reader.call("POST", "/api/v1/task/grant", {});
  assert.match(errorOf(denied, 403, "READ_ONLY"), /example-reader-10002 may only read/);
  assert.equal((await reader.call("POST", "/api/v1/search/tasks", {})).status, 200);
});
