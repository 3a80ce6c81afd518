import type { Hono } from "hono";
import { MANIFEST_SCHEMA_NAME, readManifestSchema } from "../shared/manifest_schema.ts";
import type { Env } from "./env.ts";

/** `/invoked.schema.json`: the JSON Schema of `invoked.json`, for editors. */
export function manifestSchema(app: Hono<Env>): void {
  app.get(`/${MANIFEST_SCHEMA_NAME}`, async (c) =>
    c.body(await readManifestSchema(), 200, {
      "Content-Type": "application/schema+json",
      "Cache-Control": "public, max-age=3600",
    }));
}
