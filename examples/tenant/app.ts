/** The example tenant: C1's API over invented data in memory. */
import { type Context, Hono } from "hono";
import { type ExampleClient, Tokens } from "./clients.ts";
import { notFound, notInExample, TenantStatus } from "./errors.ts";
import { type Body, type Filters, select } from "./filters.ts";
import type { World } from "./forms.ts";
import { pageOf } from "./paging.ts";
import {
  APP_FILTERS,
  APP_USER_FILTERS,
  entitlementFilters,
  RESOURCE_FILTERS,
  RESOURCE_TYPE_FILTERS,
  TASK_FILTERS,
  USER_FILTERS,
} from "./searches.ts";
import { closeTask, needTask, openTask } from "./tasks.ts";
import {
  appUserView,
  appWithCount,
  connectorView,
  entitlementView,
  grantView,
  resourceView,
  taskView,
  userView,
} from "./views.ts";
import { newWorld } from "./world.ts";

export { type ExampleCredentials, exampleCredentials } from "./clients.ts";

interface Env {
  readonly Variables: { readonly client: ExampleClient };
}
type Api = Hono<Env>;
type Row = { readonly id: string };

/** Requests by POST that only read. */
const SEARCH_PATH = /^\/api\/v1\/search\//;
const BODY_BYTES_MAX = 1024 * 1024;
const TENANT_ID = "2exampleTenant0000000000001";

/** A new example tenant, which answers requests. Each has its own state, and the same data at its start. */
export function exampleTenant(): (request: Request) => Promise<Response> {
  const world = newWorld();
  const tokens = new Tokens();
  const app: Api = new Hono<Env>();
  app.post("/auth/v1/token", (c) => tokens.answer(c.req.raw));
  app.use("/api/*", async (c, next) => {
    const client = tokens.clientOf(c.req.raw);
    const isRead = c.req.method === "GET" || SEARCH_PATH.test(c.req.path);
    if (!isRead && client.access === "READ") {
      throw new TenantStatus("PERMISSION_DENIED", "READ_ONLY", `${client.name} may only read`);
    }
    c.set("client", client);
    await next();
  });
  addIdentity(app, world);
  addApps(app, world);
  addAccounts(app, world);
  addTasks(app, world);
  app.notFound((c) => {
    if (!c.req.path.startsWith("/api/")) return notFound("page", c.req.path).toResponse();
    return notInExample(`the operation ${c.req.method} ${c.req.path}`).toResponse();
  });
  app.onError((error) => {
    if (error instanceof TenantStatus) return error.toResponse();
    throw error;
  });
  return async (request) => await app.fetch(request);
}

function addIdentity(app: Api, world: World): void {
  app.get("/api/v1/auth/introspect", (c) => {
    const { name, access, userId } = c.get("client");
    const role = access === "WRITE" ? "owner" : "viewer";
    return c.json({
      principleId: name,
      userId,
      tenantId: TENANT_ID,
      roles: [`role/system:${role}`],
      permissions: ["permission/c1.api.auth.v1.Auth.Introspect"],
      features: [],
    });
  });
  app.get("/api/v1/users", (c) => c.json(listOf(c, world.users, userView)));
  app.get("/api/v1/users/:id", (c) => {
    return c.json({
      userView: userView(need(world.users, "user", c.req.param("id"))),
      expanded: [],
    });
  });
  app.post(
    "/api/v1/search/users",
    async (c) => c.json(await searchOf(c, world.users, USER_FILTERS, userView)),
  );
}

function addApps(app: Api, world: World): void {
  const appView = (found: World["apps"][number]) => appWithCount(found, world);
  const view = (found: World["entitlements"][number]) => entitlementView(found, world);
  const ofApp = <R extends { readonly appId: string }>(c: Context<Env>, rows: readonly R[]) => {
    const { id } = need(world.apps, "app", c.req.param("app") ?? "");
    return rows.filter(({ appId }) => appId === id);
  };
  app.get("/api/v1/apps", (c) => c.json(withoutExpanded(listOf(c, world.apps, appView))));
  app.get("/api/v1/apps/:id", (c) => {
    return c.json({ app: appView(need(world.apps, "app", c.req.param("id"))) });
  });
  app.post("/api/v1/search/apps", async (c) => {
    return c.json(withoutExpanded(await searchOf(c, world.apps, APP_FILTERS, appView)));
  });
  app.get(
    "/api/v1/apps/:app/entitlements",
    (c) => c.json(listOf(c, ofApp(c, world.entitlements), view)),
  );
  app.get("/api/v1/apps/:app/entitlements/:id", (c) => {
    const found = need(ofApp(c, world.entitlements), "entitlement", c.req.param("id"));
    return c.json({ appEntitlementView: view(found), expanded: [] });
  });
  app.get("/api/v1/apps/:app/entitlements/:id/users", (c) => {
    const { id } = need(ofApp(c, world.entitlements), "entitlement", c.req.param("id"));
    const grants = world.grants.filter(({ appEntitlementId }) => appEntitlementId === id)
      .map((grant) => ({ id: grant.appUserId, grant }));
    return c.json(listOf(c, grants, ({ grant }) => grantView(grant, world)));
  });
  app.post("/api/v1/search/entitlements", async (c) => {
    return c.json(await searchOf(c, world.entitlements, entitlementFilters(world), view));
  });
  app.get(
    "/api/v1/apps/:app/connectors",
    (c) => c.json(listOf(c, ofApp(c, world.connectors), connectorView)),
  );
  app.get("/api/v1/apps/:app/connectors/:id", (c) => {
    const found = need(ofApp(c, world.connectors), "connector", c.req.param("id"));
    return c.json({ connectorView: connectorView(found), expanded: [] });
  });
}

function addAccounts(app: Api, world: World): void {
  const view = (found: World["resources"][number]) => resourceView(found, world);
  const typeView = (appResourceType: World["resourceTypes"][number]) => ({
    appResourceType,
    appPath: "",
  });
  const accountsOf = (appId: string) => {
    const { id } = need(world.apps, "app", appId);
    return world.appUsers.filter((account) => account.appId === id);
  };
  app.get(
    "/api/v1/apps/:app/app_users",
    (c) => c.json(listOf(c, accountsOf(c.req.param("app")), appUserView)),
  );
  app.get("/api/v1/apps/:app/users/:user/app_users", (c) => {
    const { id } = need(world.users, "user", c.req.param("user"));
    const own = accountsOf(c.req.param("app")).filter(({ identityUserId }) =>
      identityUserId === id
    );
    return c.json(listOf(c, own, appUserView));
  });
  app.post("/api/v1/search/app_users", async (c) => {
    return c.json(await searchOf(c, world.appUsers, APP_USER_FILTERS, appUserView));
  });
  app.get("/api/v1/apps/:app/resource_types", (c) => {
    const { id } = need(world.apps, "app", c.req.param("app"));
    return c.json(listOf(c, world.resourceTypes.filter(({ appId }) => appId === id), typeView));
  });
  app.get("/api/v1/apps/:app/resource_types/:type/resources", (c) => {
    const { id } = need(world.apps, "app", c.req.param("app"));
    const types = world.resourceTypes.filter(({ appId }) => appId === id);
    const type = need(types, "resource type", c.req.param("type"));
    const own = world.resources.filter(({ appResourceTypeId }) => appResourceTypeId === type.id);
    return c.json(listOf(c, own, view));
  });
  app.post("/api/v1/search/app_resources", async (c) => {
    return c.json(await searchOf(c, world.resources, RESOURCE_FILTERS, view));
  });
  app.post("/api/v1/search/app_resource_types", async (c) => {
    // The list of this search has no views.
    const found = await searchOf(c, world.resourceTypes, RESOURCE_TYPE_FILTERS, (type) => type);
    return c.json(withoutExpanded(found));
  });
}

function addTasks(app: Api, world: World): void {
  app.get("/api/v1/tasks/:id", (c) => {
    return c.json({ taskView: taskView(needTask(world, c.req.param("id"))), expanded: [] });
  });
  app.post(
    "/api/v1/search/tasks",
    async (c) => c.json(await searchOf(c, world.tasks, TASK_FILTERS, taskView)),
  );
  for (const kind of ["grant", "revoke"] as const) {
    app.post(`/api/v1/task/${kind}`, async (c) => {
      const task = openTask(world, kind, await bodyOf(c), c.get("client"));
      return c.json({ taskView: taskView(task), expanded: [] });
    });
  }
  for (const action of ["approve", "deny"] as const) {
    app.post(`/api/v1/tasks/:id/action/${action}`, async (c) => {
      await bodyOf(c);
      const task = closeTask(world, c.req.param("id"), action === "approve", c.get("client"));
      return c.json({
        taskView: taskView(task),
        expanded: [],
        ticketActionId: `${task.id}-${action}`,
      });
    });
  }
}

/** A page of a list, as the query requests it. */
function listOf<R extends Row>(
  c: Context<Env>,
  rows: readonly R[],
  view: (row: R) => object,
): { readonly list: readonly object[]; readonly nextPageToken: string; readonly expanded: [] } {
  const request = { pageSize: c.req.query("page_size"), pageToken: c.req.query("page_token") };
  const { list, nextPageToken } = pageOf(rows, request, c.req.path);
  return { list: list.map(view), nextPageToken, expanded: [] };
}

/** A page of a search, as the body requests it. */
async function searchOf<R extends Row>(
  c: Context<Env>,
  rows: readonly R[],
  filters: Filters<R>,
  view: (row: R) => object,
): Promise<ReturnType<typeof listOf>> {
  const body = await bodyOf(c);
  const { pageSize, pageToken, ...selection } = body;
  const selected = select(rows, filters, body);
  const page = pageOf(selected, { pageSize, pageToken }, [c.req.path, selection]);
  return { list: page.list.map(view), nextPageToken: page.nextPageToken, expanded: [] };
}

/** C1's answers without views have no `expanded`. */
function withoutExpanded({ list, nextPageToken }: ReturnType<typeof listOf>): object {
  return { list, nextPageToken };
}

function need<R extends Row>(rows: readonly R[], noun: string, id: string): R {
  const found = rows.find((row) => row.id === id);
  if (found === undefined) throw notFound(noun, id);
  return found;
}

/** The JSON object of a request; empty without a body. @throws {TenantStatus} for anything else */
async function bodyOf(c: Context<Env>): Promise<Body> {
  const text = await c.req.text();
  const invalid = (rule: string) => new TenantStatus("INVALID_ARGUMENT", "INVALID_BODY", rule);
  if (text.length > BODY_BYTES_MAX) throw invalid("The body is longer than 1 MiB");
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("The body is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  throw invalid("The body is not a JSON object");
}
