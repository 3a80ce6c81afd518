import { BINARY, rawOperation, Reply, type Uses } from "../operation.ts";
import { preconditionHeaders, readPreconditions } from "../preconditions.ts";
import { etagOf, fileParams, filePath } from "./schemas.ts";

export const writeFile = rawOperation({
  operationId: "invoked.VolumeService.WriteFile",
  method: "put",
  path: filePath,
  slashes: { path: "any" },
  summary: "Write a file and create its parent directories",
  permission: "volumes:write",
  params: fileParams,
  headers: preconditionHeaders,
  content: { "application/octet-stream": BINARY },
  answers: { 201: { description: "Created" }, 204: { description: "Replaced" } },
  async handle(
    { params, headers, body, principal, checkAgain },
    { volumeFiles }: Uses<"volumeFiles">,
  ) {
    const { entry, created } = await volumeFiles.write(principal, params.id, params.path, {
      body: body.stream,
      checkAgain,
      preconditions: readPreconditions(headers),
    });
    return Reply.empty(created ? 201 : 204, { "ETag": etagOf(entry.digest) });
  },
});
