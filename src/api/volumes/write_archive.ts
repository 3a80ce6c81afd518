import { BINARY, rawOperation, Reply, type Uses } from "../operation.ts";
import { volumeAnswer, volumeJson, volumeParam } from "./schemas.ts";

export const writeArchive = rawOperation({
  operationId: "invoked.VolumeService.WriteArchive",
  method: "put",
  path: "/api/v1/vfs/volumes/{id}/archive",
  summary: "Replace all files with the files of a tar archive",
  permission: "volumes:write",
  params: volumeParam,
  content: { "application/x-tar": BINARY },
  answers: { 200: { description: "The volume", content: { "application/json": volumeAnswer } } },
  async handle(
    { params, body, principal, checkAgain },
    { volumeArchives }: Uses<"volumeArchives">,
  ) {
    const volume = await volumeArchives.replace(principal, params.id, body.stream, checkAgain);
    return Reply.json({ volume: volumeJson(volume) });
  },
});
