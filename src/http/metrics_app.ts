import { isIP } from "node:net";
import { Hono } from "hono";
import { isLoopback } from "../config/mod.ts";
import type { Env } from "./env.ts";
import { SECURITY_HEADERS } from "./middleware.ts";

/** Metrics in the format of Prometheus. */
interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** A host with a port or without one: IPv6 has brackets. */
const AUTHORITY = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/;

/**
 * Answers `/metrics` and nothing else.
 * @param page never takes long: many requests share one collection
 * @param listensOn the address of the port; on loopback, the port answers no name but `localhost`: a web page could point a
 * name of its own at this machine, and would be of the same origin as the metrics
 */
export function metricsApp(page: () => Promise<MetricsPage>, listensOn: string): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    if (isLoopback(listensOn) && !isAddressOrLocalhost(c.req.header("host") ?? "")) {
      return c.text("This port answers the Host localhost, or an IP address, alone\n", 421);
    }
    return await next();
  });
  app.get("/metrics", async (c) => {
    const { contentType, text } = await page();
    return c.body(text, 200, {
      ...SECURITY_HEADERS,
      "Cache-Control": "no-store",
      "Content-Type": contentType,
    });
  });
  app.notFound((c) => c.text("This port serves GET /metrics alone\n", 404));
  app.onError((_, c) => c.text("The metrics were not collected\n", 500));
  return app;
}

function isAddressOrLocalhost(authority: string): boolean {
  const [, ipv6, host = ""] = AUTHORITY.exec(authority) ?? [];
  if (ipv6 !== undefined) return isIP(ipv6) === 6;
  return isIP(host) === 4 || host.toLowerCase() === "localhost";
}
