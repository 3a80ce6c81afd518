import { z } from "@hono/zod-openapi";
import { rawOperation, Reply, type Uses } from "../operation.ts";
import { trueOrFalse } from "../primitives.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";
import { fileParams, filePath } from "./schemas.ts";

export const deleteFile = rawOperation({
  operationId: "invoked.VolumeService.DeleteFile",
  method: "delete",
  path: filePath,
  slashes: { path: "any" },
  summary: "Delete a file or a directory",
  permission: "volumes:write",
  params: fileParams,
  headers: preconditionHeaders,
  query: z.object({ recursive: trueOrFalse.optional() }),
  answers: { 204: { description: "Deleted" } },
  async handle({ params, query, headers, principal }, { volumeFiles }: Uses<"volumeFiles">) {
    await volumeFiles.delete(principal, params.id, params.path, {
      recursive: query.recursive === "true",
      preconditions: readPreconditions(headers),
    });
    return Reply.empty(204);
  },
});
