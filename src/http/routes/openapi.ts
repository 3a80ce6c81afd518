import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "@hono/zod-openapi";
import type { App } from "../endpoint.ts";

/** The files of the page, as the package swagger-ui-dist ships them. */
const ASSETS = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;
const ASSETS_DIR = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));

/** Nothing from elsewhere, and no inline script; the library sets inline styles and data: images. */
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
  `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "list",
  defaultModelsExpandDepth: 0, validatorUrl: null });
`;

/** `/openapi.json`, made from the schemas that validate, and `/docs`, a page that shows it. Call last. */
export function openApiRoutes(app: App, version: string): void {
  registerSharedComponents(app);
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "invoked",
      version,
      license: { name: "Apache-2.0" },
      description:
        "A self-hosted server for TypeScript functions that speaks the ConductorOne Functions API.",
    },
    servers: [{ url: "/" }],
  });
  app.get("/openapi.json", (c) => c.json(document));
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

function registerSharedComponents(app: App): void {
  app.openAPIRegistry.register(
    "google.rpc.Status",
    z.object({
      code: z.number().int().openapi({ description: "google.rpc.Code" }),
      message: z.string(),
      details: z.array(z.looseObject({ "@type": z.string() })),
    }).openapi("google.rpc.Status"),
  );
  app.openAPIRegistry.registerComponent("securitySchemes", "bearerAuth", {
    type: "http",
    scheme: "bearer",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "oauth", {
    type: "oauth2",
    flows: { clientCredentials: { tokenUrl: "/auth/v1/token", scopes: {} } },
  });
}
