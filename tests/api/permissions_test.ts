/** Every operation allows the roles that have its permission, and no others, over HTTP and as a host call. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { renderPermissionsPage } from "../../scripts/permissions_page.ts";
import { hostMethods } from "../../src/api/host_calls.ts";
import { OPERATIONS } from "../../src/api/mod.ts";
import {
  jsonOperation,
  type Operation,
  type OperationPermission,
  rawOperation,
  Reply,
  type Uses,
} from "../../src/api/operation.ts";
import { empty } from "../../src/api/primitives.ts";
import type { Services } from "../../src/api/services.ts";
import { BUILTIN_ROLES, roleIdOf } from "../../src/domain/identity/mod.ts";
import { createApp } from "../../src/http/app.ts";
import { BodyBudget } from "../../src/http/body.ts";
import { PublicOrigins } from "../../src/http/middleware.ts";
import { EndpointRates } from "../../src/http/endpoints/mod.ts";
import { deployWithSdk, outputOf, setRoles } from "../sdk/support.ts";
import { Client, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { serverSuite, type Stage } from "../support/suite.ts";

const FUNCTIONS = "c1.api.functions.v1.FunctionsService";
const INVOCATIONS = "c1.api.functions.v1.FunctionsInvocationService";
const CLIENTS = "c1.api.iam.v1.PersonalClientService";
const PRINCIPALS = "c1.api.service_principal.v1.ServicePrincipalService";
const SESSIONS = "invoked.SessionService";
const EXPORTS = "c1.api.systemlog.v1.ExportService";
const FEDERATION = "c1.api.workload_federation.v1.WorkloadFederationService";
const TRIGGERS = "invoked.TriggerService";
const USERS = "invoked.UserService";
const VOLUMES = "invoked.VolumeService";

/** What each operation needs. Written by hand: a new operation fails here until its permission is decided. */
const PERMISSIONS: Readonly<Record<string, OperationPermission>> = {
  "invoked.AuthService.Token": "public",
  "c1.api.auth.v1.Auth.Introspect": "self",
  "invoked.DiscoveryService.GetAuthorizationServer": "public",
  "invoked.DiscoveryService.GetProtectedResource": "public",
  "invoked.DiscoveryService.GetProtectedPath": "public",
  "invoked.DiscoveryService.GetKeySet": "public",
  "invoked.DiscoveryService.GetKeySetOfAuth": "public",
  "invoked.KeyService.RotateSigning": "identity:write",
  "invoked.AuthService.DeviceAuthorization": "public",
  "invoked.DeviceService.Find": "console",
  "invoked.DeviceService.Approve": "console",
  "invoked.DeviceService.Deny": "console",
  [`${SESSIONS}.CreateLink`]: "self",
  [`${SESSIONS}.SignIn`]: "console",
  [`${SESSIONS}.GetCurrent`]: "console",
  [`${SESSIONS}.SignOut`]: "console",
  [`${SESSIONS}.List`]: "self",
  [`${SESSIONS}.Revoke`]: "self",
  [`${SESSIONS}.CreateOwnerLink`]: "signed-request",
  [`${SESSIONS}.BeginProviderSignIn`]: "browser",
  [`${SESSIONS}.FinishProviderSignIn`]: "browser",
  "c1.api.user.v1.UserService.List": "identity:read",
  "c1.api.user.v1.UserService.Get": "self",
  "c1.api.user.v1.UserSearch.Search": "identity:read",
  [`${USERS}.Update`]: "identity:write",
  [`${USERS}.SetRoles`]: "identity:write",
  [`${USERS}.Delete`]: "identity:write",
  [`${USERS}.ListSessions`]: "identity:read",
  [`${USERS}.RevokeSession`]: "identity:write",
  [`${CLIENTS}.List`]: "self",
  [`${CLIENTS}.Create`]: "self",
  [`${CLIENTS}.Get`]: "self",
  [`${CLIENTS}.Update`]: "self",
  [`${CLIENTS}.Delete`]: "self",
  [`${PRINCIPALS}.List`]: "identity:read",
  [`${PRINCIPALS}.Create`]: "identity:write",
  [`${PRINCIPALS}.Get`]: "identity:read",
  [`${PRINCIPALS}.Update`]: "identity:write",
  [`${PRINCIPALS}.Delete`]: "identity:write",
  "invoked.ServicePrincipalService.SetRoles": "identity:write",
  [`${PRINCIPALS}.ListCredentials`]: "identity:read",
  [`${PRINCIPALS}.CreateCredential`]: "identity:write",
  [`${PRINCIPALS}.GetCredential`]: "identity:read",
  [`${PRINCIPALS}.UpdateCredential`]: "identity:write",
  [`${PRINCIPALS}.RevokeCredential`]: "identity:write",
  [`${PRINCIPALS}.AddBinding`]: "identity:write",
  [`${PRINCIPALS}.DeleteBinding`]: "identity:write",
  [`${PRINCIPALS}.ListBindings`]: "identity:read",
  "c1.api.iam.v1.Roles.List": "self",
  "c1.api.iam.v1.Roles.Get": "self",
  "invoked.RoleService.Create": "identity:write",
  "c1.api.iam.v1.Roles.Update": "identity:write",
  "invoked.RoleService.Delete": "identity:write",
  "c1.api.systemlog.v1.SystemLogService.ListEvents": "log:read",
  "invoked.AuditService.Verify": "log:read",
  "c1.api.systemlog.v1.ExportsSearchService.Search": "log:read",
  [`${EXPORTS}.List`]: "log:read",
  [`${EXPORTS}.Get`]: "log:read",
  [`${EXPORTS}.ListEvents`]: "log:read",
  [`${EXPORTS}.Create`]: "log:write",
  [`${EXPORTS}.Update`]: "log:write",
  [`${EXPORTS}.Delete`]: "log:write",
  [`${FEDERATION}.ListProviders`]: "identity:read",
  [`${FEDERATION}.CreateProvider`]: "identity:write",
  [`${FEDERATION}.GetProvider`]: "identity:read",
  [`${FEDERATION}.UpdateProvider`]: "identity:write",
  [`${FEDERATION}.DeleteProvider`]: "identity:write",
  [`${FEDERATION}.SearchTrusts`]: "identity:read",
  [`${FEDERATION}.ListTrusts`]: "identity:read",
  [`${FEDERATION}.CreateTrust`]: "identity:write",
  [`${FEDERATION}.GetTrust`]: "identity:read",
  [`${FEDERATION}.UpdateTrust`]: "identity:write",
  [`${FEDERATION}.DeleteTrust`]: "identity:write",
  [`${FEDERATION}.TestToken`]: "identity:read",
  [`${FEDERATION}.TestCEL`]: "identity:read",
  [`${FUNCTIONS}.ListFunctions`]: "functions:read",
  [`${FUNCTIONS}.CreateFunction`]: "functions:write",
  [`${FUNCTIONS}.UpdateFunction`]: "functions:write",
  "invoked.FunctionService.CheckFunction": "functions:write",
  "c1.api.functions.v1.FunctionsSearch.Search": "functions:read",
  [`${FUNCTIONS}.GetFunction`]: "functions:read",
  [`${FUNCTIONS}.DeleteFunction`]: "functions:write",
  "invoked.FunctionService.ListPublishes": "functions:read",
  "invoked.FunctionService.RollBack": "functions:write",
  "invoked.FunctionService.Purge": "functions:write",
  "invoked.FunctionService.ListPurges": "functions:read",
  "invoked.FunctionService.ClearCircuitBreaker": "functions:invoke",
  [`${FUNCTIONS}.ListCommits`]: "functions:read",
  [`${FUNCTIONS}.CreateInitialCommit`]: "functions:write",
  [`${FUNCTIONS}.CreateFinalCommit`]: "functions:write",
  [`${FUNCTIONS}.GetLockFile`]: "functions:read",
  [`${FUNCTIONS}.GetCommitContent`]: "functions:read",
  "invoked.UploadService.Upload": "signed-url",
  [`${FUNCTIONS}.ListTags`]: "functions:read",
  [`${FUNCTIONS}.CreateTag`]: "functions:write",
  "invoked.TagService.DeleteTag": "functions:write",
  [`${FUNCTIONS}.Invoke`]: "functions:invoke",
  [`${FUNCTIONS}.Test`]: "functions:invoke",
  [`${INVOCATIONS}.List`]: "functions:read",
  [`${INVOCATIONS}.Get`]: "functions:read",
  "c1.api.functions.v1.FunctionsInvocationSearchService.Search": "functions:read",
  "invoked.InvocationService.Cancel": "functions:invoke",
  "invoked.InvocationService.Get": "functions:read",
  "invoked.InvocationService.Replay": "functions:invoke",
  "invoked.InvocationService.BulkReplay": "functions:invoke",
  "invoked.InvocationService.BulkCancel": "functions:invoke",
  "invoked.InvocationSearchService.Search": "functions:read",
  "invoked.DeadLetterService.List": "functions:read",
  "invoked.DeadLetterService.Get": "functions:read",
  "invoked.DeadLetterService.Replay": "functions:invoke",
  "invoked.DeadLetterService.Drop": "functions:invoke",
  "invoked.DeadLetterService.BulkReplay": "functions:invoke",
  "invoked.DeadLetterService.BulkDrop": "functions:invoke",
  "invoked.InvocationService.ListLogs": "functions:read",
  [`${TRIGGERS}.ListTriggers`]: "functions:read",
  [`${TRIGGERS}.CreateTrigger`]: "functions:write",
  [`${TRIGGERS}.ApplyTriggers`]: "functions:write",
  [`${TRIGGERS}.GetTrigger`]: "functions:read",
  [`${TRIGGERS}.UpdateTrigger`]: "functions:write",
  [`${TRIGGERS}.DeleteTrigger`]: "functions:write",
  [`${TRIGGERS}.RotateSecret`]: "functions:write",
  [`${TRIGGERS}.RunTrigger`]: "functions:invoke",
  [`${TRIGGERS}.ListDeliveries`]: "functions:read",
  "invoked.WebhookService.Receive": "signed-request",
  "invoked.WebhookService.ReceiveCapability": "signed-request",
  "invoked.WebhookService.AnswerHandshake": "signed-request",
  "invoked.WebhookService.AnswerCapabilityHandshake": "signed-request",
  [`${VOLUMES}.ListVolumes`]: "volumes:read",
  [`${VOLUMES}.CreateVolume`]: "volumes:write",
  [`${VOLUMES}.GetVolume`]: "volumes:read",
  [`${VOLUMES}.DeleteVolume`]: "volumes:write",
  [`${VOLUMES}.ListEntries`]: "volumes:read",
  [`${VOLUMES}.ListVersions`]: "volumes:read",
  [`${VOLUMES}.RestoreVersion`]: "volumes:write",
  [`${VOLUMES}.ReadFile`]: "volumes:read",
  [`${VOLUMES}.WriteFile`]: "volumes:write",
  [`${VOLUMES}.DeleteFile`]: "volumes:write",
  [`${VOLUMES}.ReadArchive`]: "volumes:read",
  [`${VOLUMES}.WriteArchive`]: "volumes:write",
  "invoked.HealthService.GetHealth": "public",
  "invoked.HealthService.GetReadiness": "public",
  "invoked.OpenApiService.GetDocument": "public",
  "invoked.ServerService.GetStatus": "server:read",
  "invoked.StatisticsService.Get": "functions:read",
  "invoked.CommitService.GetTypes": "functions:read",
  "invoked.CommitService.GetSdkTypes": "functions:read",
  "invoked.CommitService.ResolveTypes": "functions:write",
  "invoked.StatisticsService.GetOfFunction": "functions:read",
  "invoked.ServerService.WatchChanges": "functions:read",
};

/** Operations with a permission that functions cannot call: their requests or responses are raw bytes. */
const RAW = ["ReadFile", "WriteFile", "DeleteFile", "ReadArchive", "WriteArchive"]
  .map((name) => `${VOLUMES}.${name}`).concat("invoked.ServerService.WatchChanges");

/** What the caller sees of several functions: functions, too, may call them, and see themselves. */
const OF_SEVERAL = ["ListFunctions"].map((name) => `${FUNCTIONS}.${name}`).concat(
  "c1.api.functions.v1.FunctionsSearch.Search",
  "invoked.InvocationService.Get",
  "invoked.InvocationSearchService.Search",
  "invoked.StatisticsService.Get",
  "invoked.CommitService.GetSdkTypes",
);

/** The groups of each built-in role; a caller without a role has none. */
const GROUPS_OF: Readonly<Record<string, readonly OperationPermission[]>> = {
  "system:user": ["self"],
  "system:log_viewer": ["self", "log:read"],
  "system:viewer": [
    ...["self", "functions:read", "volumes:read", "server:read"] as const,
    ...["identity:read", "log:read"] as const,
  ],
  "functions:invoker": [
    "self",
    "functions:read",
    "functions:invoke",
    "volumes:read",
    "server:read",
  ],
  "functions:developer": [
    ...["self", "functions:read", "functions:invoke", "functions:write"] as const,
    ...["volumes:read", "volumes:write", "server:read"] as const,
  ],
  "system:owner": [
    ...["self", "functions:read", "functions:invoke", "functions:write"] as const,
    ...["volumes:read", "volumes:write", "server:read"] as const,
    ...["identity:read", "identity:write", "log:read", "log:write"] as const,
  ],
};
const ROLES = Object.keys(GROUPS_OF);

const DOCS_PAGE = ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]
  .concat("/docs/favicon-32x32.png", "/invoked.schema.json").map((path) => `GET ${path}`);
/** Of every request: log and security headers; of webhooks: the methods; of the API and of sessions: authentication. */
const MIDDLEWARE = ["ALL /*", "ALL /*", "ALL /api/v1/webhooks/incoming/*", "ALL /api/*"]
  .concat("ALL /auth/v1/session", "ALL /auth/v1/session_links", "ALL /auth/v1/sessions/*")
  // Errors of sign-ins as pages, and the cookies of browsers.
  .concat("ALL /auth/v1/oidc/*", "ALL /auth/v1/oidc/*")
  .concat("ALL /auth/v1/device/*");
/** Of functions, each with authentication of its own. */
const ENDPOINTS = ["ALL /*", "ALL /run/*", "ALL /preview/*"];
const EVENTS = "/api/v1/events";
const NO_SERVICES = {} as Services;

Deno.test("docs/permissions.md is what the operations say", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/permissions.md", import.meta.url));
  assert.equal(page, renderPermissionsPage(), "run deno task docs");
});

Deno.test("the tests know every operation with its permission, and every role", () => {
  const found = OPERATIONS.map(({ operationId, permission }) => [operationId, permission]);
  assert.equal(new Set(found.map(([id]) => id)).size, found.length, "an id is used twice");
  assert.deepEqual(Object.fromEntries(found), PERMISSIONS);
  const known = BUILTIN_ROLES.map(({ name, groups }) => [name, groups.toSorted()]);
  const expected = Object.entries(GROUPS_OF).map(([name, groups]) => [name, groups.toSorted()]);
  assert.deepEqual(known, expected);
});

Deno.test("HTTP serves the operations, the docs page and the console, and no other route", () => {
  const app = createApp(NO_SERVICES, {
    bodies: { maxBodyBytes: 0, budget: new BodyBudget(0) },
    hsts: false,
    corsOrigins: undefined,
    clientAddress: () => undefined,
    consoleDir: "/",
    endpoints: {
      bodyLimitBytes: 0,
      idleTimeoutMs: 0,
      publicOrigin: new PublicOrigins({
        url: "http://x",
        publicUrl: undefined,
        trustedProxies: [],
      }),
      ownHosts: () => undefined,
      signedBodyBytes: 0,
      rates: new EndpointRates(0, { share: 1 }),
    },
  });
  const routes = app.routes.map(({ method, path }) =>
    `${method} ${path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}")}`
  );
  const known = OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  assert.deepEqual(
    routes.toSorted(),
    [...MIDDLEWARE, ...ENDPOINTS, ...known, ...DOCS_PAGE, "GET /*"].toSorted(),
  );
});

Deno.test("functions may call the operations that need a permission, but for raw ones and those on clients", () => {
  const known = Object.keys(PERMISSIONS).filter((id) =>
    isGuarded(id) && !RAW.includes(id) && !isOfClients(id)
  );
  const former = ["Commit", "FinalizeCommit", "GetCommit", "GetLockfile"]
    .map((name) => `${FUNCTIONS}.${name}`);
  const offered = [...hostMethods(OPERATIONS, NO_SERVICES).keys()];
  assert.deepEqual(offered.toSorted(), [...known, ...former].toSorted());
});

Deno.test("an operation without a permission does not compile", () => {
  const contract = { operationId: "a.B.C", method: "get", path: "/", summary: "" } as const;
  const json = { ...contract, response: empty, handle: () => Promise.resolve({}) };
  const raw = { ...contract, answers: {}, handle: () => Promise.resolve(Reply.empty(204)) };
  jsonOperation({ ...json, permission: "self" });
  rawOperation({ ...raw, permission: "public" });
  // @ts-expect-error: the permission is missing
  jsonOperation(json);
  // @ts-expect-error: the permission is missing
  rawOperation(raw);
  // @ts-expect-error: there is no such permission
  jsonOperation({ ...json, permission: "admin" });
});

Deno.test("a handler that uses a service that it does not name does not compile", () => {
  const contract = { operationId: "a.B.C", method: "get", path: "/", summary: "" } as const;
  const json = { ...contract, response: empty, permission: "self" } as const;
  const raw = { ...contract, answers: {}, permission: "self" } as const;
  const answerOf = (_: string) => Promise.resolve({});
  jsonOperation({ ...json, handle: (_, { hostName }: Uses<"hostName">) => answerOf(hostName) });
  // @ts-expect-error: the handler names no service
  jsonOperation({ ...json, handle: (_, { hostName }) => answerOf(hostName) });
  // @ts-expect-error: the handler names no service
  rawOperation({ ...raw, handle: (_, { hostName }) => Promise.resolve(Reply.json(hostName)) });
  // @ts-expect-error: there is no such service
  jsonOperation({ ...json, handle: (_, { shop }: { shop: string }) => answerOf(shop) });
});

serverSuite("permissions", { flags: ["--api-rate", "0"] }, {
  "over HTTP, without a token": async ({ client }) => {
    const nobody = new Client(client.url, undefined);
    for (const operation of OPERATIONS) {
      const { operationId } = operation;
      const { status, reason } = await callOverHttp(nobody, operation);
      if (!isGuarded(operationId)) assertPassed(operationId, status, reason);
      else assert.deepEqual([status, reason], [401, "TOKEN_MISSING"], operationId);
    }
  },

  "over HTTP, with each role": async (stage) => {
    for (const roles of [[], ...ROLES.map((role) => [role])]) {
      const caller = await loginWith(stage, roles);
      for (const operation of OPERATIONS) {
        const { operationId } = operation;
        const { status, reason } = await callOverHttp(caller, operation);
        const label = `${operationId} with roles [${roles}]`;
        if (isAllowed(operationId, roles)) assertPassed(label, status, reason);
        else assert.deepEqual([status, reason], [403, "ROLE_MISSING"], label);
      }
    }
  },

  "as host calls, with each role": hostCalls,

  "an unknown role gives no permission": async (stage) => {
    const caller = await loginWith(stage, ["owner", "__proto__", "constructor"]);
    assert.equal((await caller.get("/api/v1/functions")).status, 403);
  },
});

/** A function without a role may introspect, and what concerns itself. */
async function hostCalls({ client }: Stage): Promise<void> {
  const caller = await deployWithSdk(
    client,
    `const outcomes = {};
    for (const method of input.methods) {
      const call = { method, params: { params: input.params } };
      const { done, json } = await import.meta.invoked.call(JSON.stringify(call));
      outcomes[method] = done ? "DONE" : JSON.parse(json).code;
    }
    return outcomes;`,
  );
  const methods = OPERATIONS.map(({ operationId }) => operationId);
  const params = { function_id: "none", id: "none", commit_id: "none", name: "none" };
  for (const roles of [[], ...ROLES.map((role) => [role])]) {
    await setRoles(client, caller, roles);
    const outcomes: Json = await outputOf(client, caller, { methods, params });
    for (const method of methods) {
      const label = `${method} with roles [${roles}]`;
      const offered = isGuarded(method) && !RAW.includes(method) && !isOfClients(method);
      const code = outcomes[method];
      if (!offered) assert.equal(code, "UNIMPLEMENTED", label);
      else if (!isAllowed(method, roles) && !isOfFunction(method)) {
        assert.equal(code, "PERMISSION_DENIED", label);
      } else assert.match(code, /^(?:DONE|NOT_FOUND|INVALID_ARGUMENT)$/, label);
    }
  }
}

function isOfFunction(operationId: string): boolean {
  return PERMISSIONS[operationId] === "self" || OF_SEVERAL.includes(operationId);
}

function isOfClients(operationId: string): boolean {
  return [CLIENTS, SESSIONS, "invoked.KeyService"].some((name) => operationId.startsWith(name));
}

function isGuarded(operationId: string): boolean {
  return !["public", "signed-url", "signed-request", "console", "browser"].includes(
    PERMISSIONS[operationId] ?? "",
  );
}

function isAllowed(operationId: string, roles: readonly string[]): boolean {
  const permission = PERMISSIONS[operationId] ?? assert.fail(`${operationId} is not known`);
  return !isGuarded(operationId) ||
    roles.some((role) => GROUPS_OF[role]?.includes(permission));
}

/** An allowed request may fail, but because of a missing resource or field and not of a missing permission. */
function assertPassed(label: string, status: number, reason: string | undefined): void {
  assert.ok(status < 500, `${label}: ${status}`);
  assert.doesNotMatch(reason ?? "", /^(?:TOKEN_|ROLE_MISSING|RATE_LIMITED)/, label);
}

/** Calls an operation about resources that do not exist, with an empty body. */
async function callOverHttp(
  client: Client,
  { method, path }: Operation,
): Promise<{ readonly status: number; readonly reason: string | undefined }> {
  const body = method === "get" ? undefined : "{}";
  const target = path.replace(/\{\w+\}/g, "none");
  if (target === EVENTS) return await watchOverHttp(client);
  const answer = await client.call(method.toUpperCase(), target, body);
  return { status: answer.status, reason: answer.body.details?.at(-1)?.reason };
}

/** An answer that has no end is left at once. */
async function watchOverHttp({ url, token }: Client) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url + EVENTS, { headers });
  if (!response.ok) {
    const { details } = await response.json();
    return { status: response.status, reason: details.at(-1)?.reason };
  }
  await response.body?.cancel();
  return { status: response.status, reason: undefined };
}

/** A client of a new principal with these roles. */
async function loginWith({ server, client }: Stage, roles: readonly string[]): Promise<Client> {
  const answer = await client.post("/api/v1/iam/personal_clients", { displayName: "caller" });
  const { client: { id, clientId }, clientSecret } = ok(answer);
  using database = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
  database.prepare(
    "INSERT INTO principals (id, display_name, roles, created_at) VALUES (?, ?, ?, '')",
  )
    .run(id, "Caller", JSON.stringify(roles.map(roleIdOf)));
  database.prepare("UPDATE credentials SET principal_id = ? WHERE id = ?").run(id, id);
  return await Client.login(client.url, clientId, clientSecret);
}
