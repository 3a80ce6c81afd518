import { Hono } from "hono";
import type { Env } from "./env.ts";
import { SECURITY_HEADERS } from "./middleware.ts";

/** Metrics in the format of Prometheus. */
interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** Answers `/metrics` and nothing else. @param page never takes long: many requests share one collection */
export function metricsApp(page: () => Promise<MetricsPage>): Hono<Env> {
  const app = new Hono<Env>();
  app.get("/metrics", async (c) => {
    const { contentType, text } = await page();
    return c.body(text, 200, { ...SECURITY_HEADERS, "Content-Type": contentType });
  });
  app.notFound((c) => c.text("This port serves GET /metrics alone\n", 404));
  app.onError((_, c) => c.text("The metrics were not collected\n", 500));
  return app;
}
