import { OpenAPIHono } from "@hono/zod-openapi";
import { DomainError } from "../domain/errors.ts";
import type { Domain } from "../domain/mod.ts";
import { authenticate } from "./authentication.ts";
import type { App, Env } from "./endpoint.ts";
import { answerError } from "./errors.ts";
import { requestLog } from "./request_log.ts";
import { introspectRoute, tokenRoute } from "./routes/auth.ts";
import { commitRoutes } from "./routes/commits.ts";
import { functionRoutes } from "./routes/functions.ts";
import { healthRoutes, type Readiness } from "./routes/health.ts";
import { invocationRoutes } from "./routes/invocations.ts";
import { invokeRoute } from "./routes/invoke.ts";
import { logRoutes } from "./routes/logs.ts";
import { openApiRoutes } from "./routes/openapi.ts";
import { tagRoutes } from "./routes/tags.ts";
import { uploadRoute } from "./routes/uploads.ts";

export interface AppOptions {
  readonly maxBodyBytes: number;
  readonly maxFileBytes: number;
  /** Host name of the server without a port. */
  readonly hostName: string;
  readonly version: string;
  readonly readiness: Readiness;
}

/** The whole HTTP interface. */
export function createApp(domain: Domain, options: AppOptions): App {
  const app: App = new OpenAPIHono<Env>({ strict: true });
  const { maxBodyBytes } = options;
  app.onError(answerError);
  app.notFound((c) => {
    throw new DomainError(
      "ENDPOINT_NOT_FOUND",
      `There is no endpoint ${c.req.method} ${c.req.path}`,
    );
  });
  app.use(requestLog);
  app.use(async (c, next) => {
    await next();
    c.res.headers.set("X-Content-Type-Options", "nosniff");
  });
  app.use("/api/*", authenticate(domain.accessTokens));
  tokenRoute(app, domain);
  introspectRoute(app, options.hostName, maxBodyBytes);
  functionRoutes(app, domain, maxBodyBytes);
  commitRoutes(app, domain, maxBodyBytes);
  uploadRoute(app, domain, options.maxFileBytes);
  tagRoutes(app, domain, maxBodyBytes);
  invokeRoute(app, domain, maxBodyBytes);
  invocationRoutes(app, domain, maxBodyBytes);
  logRoutes(app, domain, maxBodyBytes);
  healthRoutes(app, options.readiness);
  openApiRoutes(app, options.version);
  return app;
}
