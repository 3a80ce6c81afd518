import { Hono } from "hono";
import { OPERATIONS } from "../api/mod.ts";
import type { Operation } from "../api/operation.ts";
import type { Services } from "../api/services.ts";
import { needsTenant } from "../api/tenant_paths.ts";
import { DomainError } from "../domain/errors.ts";
import { methodNotAllowed } from "../domain/triggers/handshakes.ts";
import {
  authenticate,
  authenticateToken,
  readBrowser,
  readCookie,
  SessionCookies,
} from "./authentication.ts";
import type { BodyLimits } from "./body.ts";
import { type ClientAddress, crossOrigin, guardAnswers } from "./middleware.ts";
import { challengeOf } from "./challenge.ts";
import { serveConsole } from "./console.ts";
import { type EndpointOptions, servePreviews } from "./endpoints/mod.ts";
import { serveOwnHosts, serveRuns } from "./endpoints/run.ts";
import { docsPage, jsonSchemas } from "./docs_page.ts";
import type { Env } from "./env.ts";
import { answerError, type Challenge } from "./errors.ts";
import { requestContextOf } from "./request_context.ts";
import { InvokeRoute } from "./invoke_route.ts";
import { serveOperations } from "./operations.ts";
import { recordRejected } from "./rejected_credentials.ts";
import { RequestLog, requestLog } from "./request_log.ts";
import type { RequestHandler } from "./server.ts";
import { showErrors } from "./sign_in_errors.ts";
import type { Telemetry } from "../telemetry/contract.ts";
import { encodedPathViolation, pathOf } from "./protocol_errors.ts";

interface AppOptions {
  readonly bodies: BodyLimits;
  /** Whether clients shall insist on https. */
  readonly hsts: boolean;
  /** Origins whose web pages may call; undefined for none. */
  readonly corsOrigins: readonly string[] | undefined;
  readonly clientAddress: ClientAddress;
  readonly telemetry: Telemetry;
  readonly endpoints: EndpointOptions;
  /** Of the files of the console. */
  readonly consoleDir: string;
}

/** The whole HTTP interface: the app, and the short route of invocations. */
export function createHandler(services: Services, options: AppOptions): RequestHandler {
  const challenge = challengeOf(services, options.endpoints);
  const log = new RequestLog(options.clientAddress, options.telemetry);
  const { publicOrigin, ownHosts } = options.endpoints;
  const shared = { ...options, publicOrigin, ownHosts, challenge, log };
  return { app: createApp(services, shared), shortRoute: new InvokeRoute(services, shared) };
}

interface SharedOptions extends AppOptions {
  readonly challenge: Challenge;
  readonly log: RequestLog;
}

/** Middleware, every operation, the docs page and the console. */
function createApp(services: Services, options: SharedOptions): Hono<Env> {
  const app = new Hono<Env>({ strict: true, getPath: pathOf });
  const { challenge } = options;
  app.onError(async (error, c) => {
    const isOfOperation = c.get("principal") !== undefined || c.get("sessionCookie") !== undefined;
    await recordRejected(error, requestContextOf(c), isOfOperation, services);
    return answerError(error, c, challenge);
  });
  // Answered and not thrown: an error from here would bypass the middleware that sets headers.
  app.notFound((c) => {
    const { method, path } = c.req;
    const violation = encodedPathViolation(method, path, (decoded) => ROUTES.test(decoded));
    return answerError(violation ?? noOperation(method, path), c);
  });
  app.use(requestLog(options.log));
  app.use((_c, next) => services.reading(next));
  app.use(guardAnswers(options.hsts));
  // Before CORS, which is that of the API.
  serveOwnHosts(app, services, options.endpoints);
  serveRuns(app, services, options.endpoints);
  servePreviews(app, services, options.endpoints);
  if (options.corsOrigins !== undefined) app.use(crossOrigin(options.corsOrigins));
  const cookies = new SessionCookies(options.endpoints.publicOrigin);
  app.use("/auth/v1/oidc/*", showErrors, readBrowser(cookies));
  for (const path of ["/auth/v1/session", "/auth/v1/device/*"]) app.use(path, readCookie(cookies));
  // Before authentication: their handlers check who calls.
  const ofRoles = OPERATIONS.filter(({ requires }) => requires !== undefined);
  const others = OPERATIONS.filter((operation) => !ofRoles.includes(operation));
  serveOperations(app, others, services, options.bodies);
  rejectMethodsOfWebhooks(app);
  app.use("/auth/v1/session_links", authenticateToken(services));
  for (const path of ["/api/*", "/auth/v1/sessions/*"]) {
    app.use(path, authenticate(services, cookies));
  }
  serveOperations(app, ofRoles, services, options.bodies);
  docsPage(app);
  jsonSchemas(app);
  serveConsole(app, options.consoleDir);
  return app;
}

/** Below the addresses of webhooks, one answer to every other method and path shows no stranger which ones exist. */
function rejectMethodsOfWebhooks(app: Hono<Env>): void {
  app.all("/api/v1/webhooks/incoming/*", async (c, next) => {
    if (c.req.method === "POST") return await next();
    throw methodNotAllowed();
  });
}

/** The paths of functions and operations. It looks at each character of a path at most once for a route. */
const ROUTES = new RegExp(`^(?:/(?:run|preview)/|${OPERATIONS.map(patternOf).join("|")})`);

function patternOf({ path, slashes = {} }: Operation): string {
  const pattern = path.replaceAll(".", "\\.")
    .replace(/\{(\w+)\}/g, (_, name: string) => slashes[name] === "any" ? "" : "[^/]*");
  return Object.values(slashes).includes("any") ? pattern : `${pattern}$`;
}

function noOperation(method: string, path: string): DomainError {
  const what = `${method} ${path}`;
  const hint = UPDATE_ELSEWHERE.test(what)
    ? ": a function is updated by POST /api/v1/functions/update"
    : "";
  return needsTenant(path)
    ? new DomainError(
      "NEEDS_C1_TENANT",
      `${what} needs a C1 tenant: invoked does not serve this part of C1's API`,
    )
    : new DomainError("ENDPOINT_NOT_FOUND", `The API has no operation ${what}${hint}`);
}

/** Paths at which clients of other APIs expect the update of a function. */
const UPDATE_ELSEWHERE = /^(?:POST|PUT|PATCH) \/api\/v1\/functions\/[^/]+(?:\/update)?$/;
