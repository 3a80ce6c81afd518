import { Hono } from "hono";
import { OPERATIONS } from "../api/mod.ts";
import type { Services } from "../api/services.ts";
import { DomainError } from "../domain/errors.ts";
import { authenticate } from "./authentication.ts";
import { type BodyLimits, closeUnread } from "./body.ts";
import { crossOrigin } from "./cross_origin.ts";
import { docsPage } from "./docs_page.ts";
import type { Env } from "./env.ts";
import { answerError } from "./errors.ts";
import { serveOperations } from "./operations.ts";
import { requestLog } from "./request_log.ts";
import { securityHeaders } from "./security_headers.ts";

export interface AppOptions {
  readonly bodies: BodyLimits;
  /** Whether clients shall insist on https. */
  readonly hsts: boolean;
  /** Origins whose web pages may call; undefined for none. */
  readonly corsOrigins: readonly string[] | undefined;
}

/** The whole HTTP interface: middleware, every operation, and the docs page. */
export function createApp(services: Services, options: AppOptions): Hono<Env> {
  const app = new Hono<Env>({ strict: true });
  app.onError(answerError);
  // Answered and not thrown: an error from here would bypass the middleware that sets headers.
  app.notFound((c) => {
    const message = `Cannot ${c.req.method} ${c.req.path}: the API has no such operation`;
    return answerError(new DomainError("ENDPOINT_NOT_FOUND", message), c);
  });
  app.use(requestLog);
  app.use(closeUnread);
  app.use(securityHeaders(options.hsts));
  if (options.corsOrigins !== undefined) app.use(crossOrigin(options.corsOrigins));
  app.use("/api/*", authenticate(services.accessTokens, services.apiRateLimit));
  serveOperations(app, OPERATIONS, services, options.bodies);
  docsPage(app);
  return app;
}
