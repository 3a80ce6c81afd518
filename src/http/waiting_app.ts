/** What a server answers whose start waits for space on its disk. */
import { Hono } from "hono";
import { storageUnavailable } from "../domain/errors.ts";
import type { StorageUnavailable } from "../store/storage_health.ts";
import type { Env } from "./env.ts";
import { answerError } from "./errors.ts";
import { securityHeaders } from "./security_headers.ts";
import { closeUnread } from "./unread_body.ts";

/** Answers the probes as a running server does, and all else with STORAGE_UNAVAILABLE. */
export function waitingApp(fault: StorageUnavailable): Hono<Env> {
  const app = new Hono<Env>();
  app.use(closeUnread);
  app.use(securityHeaders(false));
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => c.json({ status: "not ready", reason: fault.message }, 503));
  app.all("*", (c) => answerError(storageUnavailable("The server is not started", fault), c));
  return app;
}
