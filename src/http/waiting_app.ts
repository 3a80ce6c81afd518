/** What a server answers whose start waits for space on its disk. */
import { Hono } from "hono";
import type { DomainError } from "../domain/errors.ts";
import type { Env } from "./env.ts";
import { answerError } from "./errors.ts";
import { guardAnswers } from "./middleware.ts";

/**
 * Answers the probes as a running server does, and all else with an error.
 * @param reason why the start waits
 */
export function waitingApp(reason: string, error: DomainError): Hono<Env> {
  const app = new Hono<Env>();
  app.use(guardAnswers(false));
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  const neither = { accepted: false, reason };
  const readiness = { status: "not ready", reason, synchronous: neither, asynchronous: neither };
  app.get("/readyz", (c) => c.json(readiness, 503));
  app.all("*", (c) => answerError(error, c));
  return app;
}
