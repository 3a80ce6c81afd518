import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery, trueOrFalse } from "../primitives.ts";
import { volumeEntryJson, volumeEntryOut, volumeParam } from "./schemas.ts";

export const listEntries = jsonOperation({
  operationId: "invoked.VolumeService.ListEntries",
  method: "get",
  path: "/api/v1/vfs/volumes/{id}/entries",
  summary: "List files and directories, sorted by path",
  permission: "volumes:read",
  params: volumeParam,
  query: pageQuery.extend({
    directory: z.string().default("/").openapi({ description: "Default: the root" }),
    recursive: trueOrFalse.default("false")
      .openapi({ description: "Include all descendants of the directory" }),
  }),
  response: listOf(volumeEntryOut),
  async handle({ params, query }, { volumeFiles }: Uses<"volumeFiles">) {
    const selection = { directory: query.directory, recursive: query.recursive === "true" };
    const page = await volumeFiles.entries(params.id, selection, pageOf(query));
    return { list: page.list.map(volumeEntryJson), nextPageToken: page.nextPageToken };
  },
});
