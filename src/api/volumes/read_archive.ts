import { BINARY, rawOperation, Reply, type Uses } from "../operation.ts";
import { volumeParam } from "./schemas.ts";

export const readArchive = rawOperation({
  operationId: "invoked.VolumeService.ReadArchive",
  method: "get",
  path: "/api/v1/vfs/volumes/{id}/archive",
  summary: "Read all files as a tar archive",
  permission: "volumes:read",
  params: volumeParam,
  answers: { 200: { description: "The archive", content: { "application/x-tar": BINARY } } },
  async handle({ params }, { volumeArchives }: Uses<"volumeArchives">) {
    const { version, stream } = await volumeArchives.read(params.id);
    return Reply.stream(stream, {
      "Content-Type": "application/x-tar",
      "Volume-Version": String(version),
    });
  },
});
