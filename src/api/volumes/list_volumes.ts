import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery } from "../primitives.ts";
import { volumeJson, volumeOut } from "./schemas.ts";

/** The id of the operation. */
export const LIST_VOLUMES = "invoked.VolumeService.ListVolumes";

export const listVolumes = jsonOperation({
  operationId: LIST_VOLUMES,
  method: "get",
  path: "/api/v1/vfs/volumes",
  summary: "List volumes, newest first",
  permission: "volumes:read",
  query: pageQuery,
  response: listOf(volumeOut),
  async handle({ query }, { volumes }: Uses<"volumes">) {
    const { list, nextPageToken } = await volumes.list(pageOf(query));
    return { list: list.map(volumeJson), nextPageToken };
  },
});
