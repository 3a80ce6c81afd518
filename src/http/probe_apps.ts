/** What a worker answers to probes, and a server whose start waits for space on its disk. */
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

/** Whether a worker runs invocations now, and how many. */
export type WorkerReadiness =
  | { readonly ready: true; readonly running: number; readonly capacity: number }
  | { readonly ready: false; readonly reason: string };

/**
 * Answers `/healthz` and `/readyz` as an API node does, and nothing else.
 * @param readiness asked at each probe
 */
export function workerApp(readiness: () => WorkerReadiness): Hono<Env> {
  const app = new Hono<Env>();
  app.use(guardAnswers(false));
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => {
    const now = readiness();
    if (!now.ready) return c.json({ status: "not ready", reason: now.reason }, 503);
    return c.json({ status: "ready", running: now.running, capacity: now.capacity });
  });
  app.notFound((c) => c.text("This port serves GET /healthz and GET /readyz alone\n", 404));
  return app;
}
