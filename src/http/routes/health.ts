import type { App } from "../endpoint.ts";

/** How busy the server is. */
export interface LoadReport {
  readonly running: number;
  readonly queued: number;
  /** What it sustains, as measured; undefined while it was not full. */
  readonly perSecond: number | undefined;
}

/** Whether the server can take calls, and how busy it is; or why not. */
export type Readiness = () =>
  | { readonly ready: true; readonly load: LoadReport }
  | { readonly ready: false; readonly reason: string };

/** `/healthz`: the process lives. `/readyz`: it takes calls. */
export function healthRoutes(app: App, readiness: Readiness): void {
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => {
    const now = readiness();
    if (!now.ready) return c.json({ status: "not ready", reason: now.reason }, 503);
    const { running, queued: waiting, perSecond } = now.load;
    const callsPerSecond = perSecond === undefined ? null : Number(perSecond.toPrecision(3));
    return c.json({ status: "ready", running, waiting, callsPerSecond });
  });
}
