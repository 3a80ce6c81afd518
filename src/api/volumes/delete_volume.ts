import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { volumeParam } from "./schemas.ts";

export const deleteVolume = jsonOperation({
  operationId: "invoked.VolumeService.DeleteVolume",
  method: "delete",
  path: "/api/v1/vfs/volumes/{id}",
  summary: "Delete a volume with all its files and versions",
  permission: "volumes:write",
  params: volumeParam,
  body: empty,
  response: empty,
  async handle({ params, principal }, { volumes }: Uses<"volumes">) {
    await volumes.delete(principal, params.id);
    return {};
  },
});
