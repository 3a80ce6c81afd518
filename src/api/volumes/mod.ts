import {
  BINARY,
  jsonOperation,
  type Operation,
  rawOperation,
  Reply,
  type Uses,
} from "../operation.ts";
import { listOf, pageJson, pageOf, pageQuery } from "../primitives.ts";
import {
  createVolumeIn,
  restoreVolumeIn,
  volumeAnswer,
  volumeJson,
  volumeOut,
  volumeVersionJson,
  volumeVersionOut,
} from "./schemas.ts";
import { deleteFile, listEntries, readFile, writeFile } from "./files.ts";

/** The id of the operation. */
export const LIST_VOLUMES = "invoked.VolumeService.ListVolumes";

const listVolumes = jsonOperation({
  operationId: LIST_VOLUMES,
  route: "GET /api/v1/vfs/volumes",
  summary: "List volumes, newest first",
  permission: "volumes:read",
  query: pageQuery,
  response: listOf(volumeOut),
  async handle({ query }, { volumes }: Uses<"volumes">) {
    return pageJson(await volumes.list(pageOf(query)), volumeJson);
  },
});

const createVolume = jsonOperation({
  operationId: "invoked.VolumeService.CreateVolume",
  route: "POST /api/v1/vfs/volumes",
  summary: "Create an empty volume",
  permission: "volumes:write",
  body: createVolumeIn,
  response: volumeAnswer,
  async handle({ body: { displayName, quotaBytes } }, { volumes }: Uses<"volumes">) {
    return { volume: volumeJson(await volumes.create({ displayName, quotaBytes })) };
  },
});

const getVolume = jsonOperation({
  operationId: "invoked.VolumeService.GetVolume",
  route: "GET /api/v1/vfs/volumes/{id}",
  summary: "Get a volume",
  permission: "volumes:read",
  response: volumeAnswer,
  async handle({ params }, { volumes }: Uses<"volumes">) {
    return { volume: volumeJson(await volumes.get(params.id)) };
  },
});

const deleteVolume = jsonOperation({
  operationId: "invoked.VolumeService.DeleteVolume",
  route: "DELETE /api/v1/vfs/volumes/{id}",
  summary: "Delete a volume with all its files and versions",
  permission: "volumes:write",
  async handle({ params, principal }, { volumes }: Uses<"volumes">) {
    await volumes.delete(principal, params.id);
  },
});

const listVersions = jsonOperation({
  operationId: "invoked.VolumeService.ListVersions",
  route: "GET /api/v1/vfs/volumes/{id}/versions",
  summary: "List the versions that can be restored, newest first",
  permission: "volumes:read",
  query: pageQuery,
  response: listOf(volumeVersionOut),
  async handle({ params, query }, { volumes }: Uses<"volumes">) {
    return pageJson(await volumes.versions(params.id, pageOf(query)), volumeVersionJson);
  },
});

const restoreVersion = jsonOperation({
  operationId: "invoked.VolumeService.RestoreVersion",
  route: "POST /api/v1/vfs/volumes/{id}/restore",
  summary: "Create a new version with the files of an earlier version",
  permission: "volumes:write",
  body: restoreVolumeIn,
  response: volumeAnswer,
  async handle({ params, body, principal }, { volumes }: Uses<"volumes">) {
    return { volume: volumeJson(await volumes.restore(principal, params.id, body.version)) };
  },
});

const readArchive = rawOperation({
  operationId: "invoked.VolumeService.ReadArchive",
  route: "GET /api/v1/vfs/volumes/{id}/archive",
  summary: "Read all files as a tar archive",
  permission: "volumes:read",
  answers: { 200: { description: "The archive", content: { "application/x-tar": BINARY } } },
  async handle({ params }, { volumeArchives }: Uses<"volumeArchives">) {
    const { version, stream } = await volumeArchives.read(params.id);
    return Reply.stream(stream, {
      "Content-Type": "application/x-tar",
      "Volume-Version": String(version),
    });
  },
});

const writeArchive = rawOperation({
  operationId: "invoked.VolumeService.WriteArchive",
  route: "PUT /api/v1/vfs/volumes/{id}/archive",
  summary: "Replace all files with the files of a tar archive",
  permission: "volumes:write",
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

/** Create, read and delete volumes; read and write their files; restore earlier versions. */
export const VOLUME_OPERATIONS: readonly Operation[] = [
  listVolumes,
  createVolume,
  getVolume,
  deleteVolume,
  listEntries,
  listVersions,
  restoreVersion,
  readFile,
  writeFile,
  deleteFile,
  readArchive,
  writeArchive,
];
