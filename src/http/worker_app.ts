/** What a worker answers to probes. */
import { Hono } from "hono";
import type { Env } from "./env.ts";
import { guardAnswers } from "./middleware.ts";

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
