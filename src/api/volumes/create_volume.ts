import { jsonOperation, type Uses } from "../operation.ts";
import { createVolumeIn, volumeAnswer, volumeJson } from "./schemas.ts";

export const createVolume = jsonOperation({
  operationId: "invoked.VolumeService.CreateVolume",
  method: "post",
  path: "/api/v1/vfs/volumes",
  summary: "Create an empty volume",
  permission: "volumes:write",
  body: createVolumeIn,
  response: volumeAnswer,
  async handle({ body: { displayName, quotaBytes } }, { volumes }: Uses<"volumes">) {
    return { volume: volumeJson(await volumes.create({ displayName, quotaBytes })) };
  },
});
