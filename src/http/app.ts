import { DomainError } from "../domain/errors.ts";
import type { Domain } from "../domain/mod.ts";
import { authenticate } from "./authentication.ts";
import { App } from "./endpoint.ts";
import { answerError } from "./errors.ts";
import { crossOrigin } from "./cross_origin.ts";
import { hostOperations } from "./host_operations.ts";
import { apiRateLimit } from "./rate_limit.ts";
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
import { testRoute } from "./routes/test.ts";
import { uploadRoute } from "./routes/uploads.ts";
import { volumeFileRoutes } from "./routes/volume_files.ts";
import { volumeRoutes } from "./routes/volumes.ts";
import { securityHeaders } from "./security_headers.ts";

export interface AppOptions {
  readonly maxBodyBytes: number;
  readonly maxFileBytes: number;
  /** Host name of the server without a port. */
  readonly hostName: string;
  readonly version: string;
  readonly readiness: Readiness;
  /** Whether clients shall insist on https. */
  readonly hsts: boolean;
  /** Origins whose web pages may call; undefined for none. */
  readonly corsOrigins: readonly string[] | undefined;
  readonly rates: {
    readonly apiPerSecond: number;
    readonly apiBurst: number;
    readonly tokensPerMinute: number;
  };
}

/** The whole HTTP interface; gives its operations to functions as well. */
export function createApp(domain: Domain, options: AppOptions): App {
  const app = new App({ strict: true });
  const { maxBodyBytes } = options;
  app.onError(answerError);
  // Answered and not thrown: an error from here would pass over the middleware that dresses answers.
  app.notFound((c) => {
    const message = `There is no endpoint ${c.req.method} ${c.req.path}`;
    return answerError(new DomainError("ENDPOINT_NOT_FOUND", message), c);
  });
  app.use(requestLog);
  app.use(securityHeaders(options.hsts));
  if (options.corsOrigins !== undefined) app.use(crossOrigin(options.corsOrigins));
  app.use("/api/*", authenticate(domain.accessTokens));
  const { apiPerSecond, apiBurst, tokensPerMinute } = options.rates;
  const countRequest = apiRateLimit({ perSecond: apiPerSecond, burst: apiBurst });
  app.use("/api/*", async (c, next) => {
    countRequest(c.get("principal"));
    await next();
  });
  tokenRoute(app, domain, tokensPerMinute);
  introspectRoute(app, options.hostName, maxBodyBytes);
  functionRoutes(app, domain, maxBodyBytes);
  commitRoutes(app, domain, maxBodyBytes);
  uploadRoute(app, domain, options.maxFileBytes);
  tagRoutes(app, domain, maxBodyBytes);
  invokeRoute(app, domain, maxBodyBytes);
  testRoute(app, domain, maxBodyBytes);
  invocationRoutes(app, domain, maxBodyBytes);
  logRoutes(app, domain, maxBodyBytes);
  volumeRoutes(app, domain, maxBodyBytes);
  volumeFileRoutes(app, domain);
  healthRoutes(app, options.readiness);
  openApiRoutes(app, options.version);
  domain.hostMethods.add(hostOperations(app.operations, domain, countRequest));
  return app;
}
