import type { Domain } from "../../domain/mod.ts";
import { readBody } from "../body.ts";
import type { App } from "../endpoint.ts";

/** Upload a file of an open commit. The signed token in the path is the credential. */
export function uploadRoute(app: App, { commits }: Domain, maxFileBytes: number): void {
  app.openAPIRegistry.registerPath({
    operationId: "invoked.UploadService.Upload",
    method: "put",
    path: "/file/{token}",
    summary: "Upload a file of an open commit to the URL that opening it answered",
    tags: ["UploadService"],
    parameters: [{ name: "token", in: "path", required: true, schema: { type: "string" } }],
    request: {
      body: {
        content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
      },
    },
    responses: { 204: { description: "Uploaded" } },
  });
  app.put("/file/:token", async (c) => {
    const file = await commits.checkUpload(c.req.param("token"));
    await commits.upload(file, await readBody(c.req.raw, maxFileBytes, "--max-file"));
    return c.body(null, 204);
  });
}
