import { jsonOperation, type Uses } from "../operation.ts";
import { volumeAnswer, volumeJson, volumeParam } from "./schemas.ts";

export const getVolume = jsonOperation({
  operationId: "invoked.VolumeService.GetVolume",
  method: "get",
  path: "/api/v1/vfs/volumes/{id}",
  summary: "Get a volume",
  permission: "volumes:read",
  params: volumeParam,
  response: volumeAnswer,
  async handle({ params }, { volumes }: Uses<"volumes">) {
    return { volume: volumeJson(await volumes.get(params.id)) };
  },
});
