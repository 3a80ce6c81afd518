import { jsonOperation, type Uses } from "../operation.ts";
import { restoreVolumeIn, volumeAnswer, volumeJson, volumeParam } from "./schemas.ts";

export const restoreVersion = jsonOperation({
  operationId: "invoked.VolumeService.RestoreVersion",
  method: "post",
  path: "/api/v1/vfs/volumes/{id}/restore",
  summary: "Create a new version with the files of an earlier version",
  permission: "volumes:write",
  params: volumeParam,
  body: restoreVolumeIn,
  response: volumeAnswer,
  async handle({ params, body, principal }, { volumes }: Uses<"volumes">) {
    return { volume: volumeJson(await volumes.restore(principal, params.id, body.version)) };
  },
});
