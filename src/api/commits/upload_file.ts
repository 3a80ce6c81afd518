import { z } from "@hono/zod-openapi";
import { BINARY, rawOperation, Reply, type Uses } from "../operation.ts";

/** The signed token in the path is the credential. */
export const uploadFile = rawOperation({
  operationId: "invoked.UploadService.Upload",
  method: "put",
  path: "/file/{token}",
  summary: "Upload a file of an open commit to its upload URL",
  permission: "signed-url",
  // The commit that the file belongs to is audited.
  audit: "none",
  params: z.object({ token: z.string() }),
  content: { "application/octet-stream": BINARY },
  answers: { 204: { description: "Uploaded" } },
  async handle({ params, body }, { commits, maxFileBytes }: Uses<"commits" | "maxFileBytes">) {
    // Before the body is read: an invalid token costs no memory.
    const file = await commits.checkUpload(params.token);
    await commits.upload(file, await body.read(maxFileBytes, "--max-file"));
    return Reply.empty(204);
  },
});
