/** Every operation has a permission that people have reviewed, in `permissions.ts`, on every transport that serves it. */
import assert from "node:assert/strict";
import { renderPermissionsPage } from "../../scripts/permissions_page.ts";
import { hostMethods } from "../../src/api/host_calls.ts";
import { OPERATIONS } from "../../src/api/mod.ts";
import { jsonOperation, rawOperation, Reply, type Uses } from "../../src/api/operation.ts";
import { empty } from "../../src/api/primitives.ts";
import type { Services } from "../../src/api/services.ts";
import { BUILTIN_ROLES } from "../../src/domain/identity/mod.ts";
import { createHandler } from "../../src/http/app.ts";
import { BodyBudget } from "../../src/http/body.ts";
import { PublicOrigins } from "../../src/http/middleware.ts";
import { EndpointRates } from "../../src/http/endpoints/mod.ts";
import { GROUPS_OF, isOffered, PERMISSIONS } from "./permissions.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";

const DOCS_PAGE = ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]
  .concat("/docs/favicon-32x32.png", "/invoked.schema.json", "/invoked-server.schema.json").map((
    path,
  ) => `GET ${path}`);
/** Of every request: log and security headers; of webhooks: the methods; of the API and of sessions: authentication. */
const MIDDLEWARE = ["ALL /*", "ALL /*", "ALL /*", "ALL /api/v1/webhooks/incoming/*", "ALL /api/*"]
  .concat("ALL /auth/v1/session", "ALL /auth/v1/session_links", "ALL /auth/v1/sessions/*")
  // Errors of sign-ins as pages, and the cookies of browsers.
  .concat("ALL /auth/v1/oidc/*", "ALL /auth/v1/oidc/*")
  .concat("ALL /auth/v1/device/*");
/** Of functions, each with authentication of its own. */
const ENDPOINTS = ["ALL /*", "ALL /run/*", "ALL /preview/*"];
const FUNCTIONS = "c1.api.functions.v1.FunctionsService";
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
  const { app } = createHandler(NO_SERVICES, {
    bodies: { maxBodyBytes: 0, budget: new BodyBudget(0) },
    hsts: false,
    corsOrigins: undefined,
    clientAddress: () => undefined,
    telemetry: NO_TELEMETRY,
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
  const known = Object.keys(PERMISSIONS).filter(isOffered);
  const former = ["Commit", "FinalizeCommit", "GetCommit", "GetLockfile"]
    .map((name) => `${FUNCTIONS}.${name}`);
  const offered = [...hostMethods(OPERATIONS, NO_SERVICES).keys()];
  assert.deepEqual(offered.toSorted(), [...known, ...former].toSorted());
});

Deno.test("an operation without a permission does not compile", () => {
  const contract = { operationId: "a.B.C", route: "GET /", summary: "" } as const;
  const json = { ...contract, response: empty, handle: () => Promise.resolve({}) };
  const raw = { ...contract, answers: {}, handle: () => Promise.resolve(Reply.empty(204)) };
  jsonOperation({ ...json, permission: "self" });
  rawOperation({ ...raw, permission: "public" });
  // @ts-expect-error: the permission is missing
  void (() => jsonOperation(json));
  // @ts-expect-error: the permission is missing
  void (() => rawOperation(raw));
  // @ts-expect-error: there is no such permission
  jsonOperation({ ...json, permission: "admin" });
});

Deno.test("a handler that uses a service that it does not name does not compile", () => {
  const contract = { operationId: "a.B.C", route: "GET /", summary: "" } as const;
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
