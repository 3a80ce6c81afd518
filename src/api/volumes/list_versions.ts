import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery } from "../primitives.ts";
import { volumeParam, volumeVersionJson, volumeVersionOut } from "./schemas.ts";

export const listVersions = jsonOperation({
  operationId: "invoked.VolumeService.ListVersions",
  method: "get",
  path: "/api/v1/vfs/volumes/{id}/versions",
  summary: "List the versions that can be restored, newest first",
  permission: "volumes:read",
  params: volumeParam,
  query: pageQuery,
  response: listOf(volumeVersionOut),
  async handle({ params, query }, { volumes }: Uses<"volumes">) {
    const { list, nextPageToken } = await volumes.versions(params.id, pageOf(query));
    return { list: list.map(volumeVersionJson), nextPageToken };
  },
});
