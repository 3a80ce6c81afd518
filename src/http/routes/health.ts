import type { App } from "../endpoint.ts";

/** Whether the server can take calls, and why not. */
export type Readiness = () => { readonly ready: boolean; readonly reason?: string };

/** `/healthz`: the process lives. `/readyz`: it takes calls. */
export function healthRoutes(app: App, readiness: Readiness): void {
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => {
    const { ready, reason } = readiness();
    return ready ? c.json({ status: "ready" }) : c.json({ status: "not ready", reason }, 503);
  });
}
