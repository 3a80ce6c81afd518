/** An app of Cloudflare Workers with Hono. */
import manifest from "../../package.json" with { type: "json" };

const { hono } = manifest.devDependencies;
/** The package that an app needs, for a commit. */
export const HONO = { "package.json": JSON.stringify({ dependencies: { hono } }) };

const APP = `import { Hono } from "hono";
import { env } from "hono/adapter";
import type { FetchContext } from "@c1/functions-sdk";

interface Env { STAGE: string; TOKEN: string }
const app = new Hono<{ Bindings: Env }>();
app.get("/", (c) => {
  c.executionCtx.waitUntil(Promise.resolve().then(() => console.log("after", c.env.STAGE)));
  c.executionCtx.passThroughOnException();
  const { remoteAddress, trigger } = c.executionCtx as FetchContext;
  return c.json({
    stage: c.env.STAGE,
    token: c.env.TOKEN.length,
    adapter: env<{ STAGE: string }>(c, "workerd").STAGE,
    remoteAddress,
    kind: trigger.kind,
  });
});
`;
/** Modules of one app, each with another default export. */
export const WORKERS_APPS = [
  "export default app;",
  `import type { ExportedHandler } from "@c1/functions-sdk";
  export default { fetch: app.fetch } satisfies ExportedHandler<Env>;`,
  `import type { ExportedHandler } from "@c1/functions-sdk";
  export default {
    fetch: (request, env, context) => app.fetch(request, env, context),
  } satisfies ExportedHandler<Env>;`,
].map((exported) => APP + exported);
