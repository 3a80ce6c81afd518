/** Documents for readers of the API and for editors: `/docs` and the JSON Schemas. */
import { join } from "node:path";
import type { Hono } from "hono";
import type { Env } from "./env.ts";
import { installed } from "../shared/installation.ts";
import {
  MANIFEST_SCHEMA_NAME,
  readJsonSchema,
  SERVER_SCHEMA_NAME,
} from "../shared/json_schemas.ts";

/** The files of the page, as the package swagger-ui-dist ships them. */
const ASSETS = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;
const ASSETS_DIR = installed("swagger", "node_modules/swagger-ui-dist");

/** Only content of this server, and no inline script; the library sets inline styles and data: images. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>invoked API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;
const START =
  `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "none",
  defaultModelsExpandDepth: 0, validatorUrl: null });
`;

/** `/docs`: a page that shows `/openapi.json`. */
export function docsPage(app: Hono<Env>): void {
  app.get("/docs", (c) => {
    c.header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    return c.html(PAGE);
  });
  app.get(
    "/docs/start.js",
    (c) => c.body(START, 200, { "Content-Type": "text/javascript; charset=utf-8" }),
  );
  for (const [name, type] of Object.entries(ASSETS)) {
    app.get(`/docs/${name}`, async (c) => {
      const content = await Deno.readFile(join(ASSETS_DIR, name));
      return c.body(content, 200, {
        "Content-Type": type,
        "Cache-Control": "public, max-age=3600",
      });
    });
  }
}

/** The JSON Schemas of `invoked.json` and of the configuration file, for editors. */
export function jsonSchemas(app: Hono<Env>): void {
  for (const name of [MANIFEST_SCHEMA_NAME, SERVER_SCHEMA_NAME]) {
    app.get(`/${name}`, async (c) =>
      c.body(await readJsonSchema(name), 200, {
        "Content-Type": "application/schema+json",
        "Cache-Control": "public, max-age=3600",
      }));
  }
}
