import { z } from "@hono/zod-openapi";
import type { Domain } from "../../domain/mod.ts";
import { type App, endpoint } from "../endpoint.ts";
import { empty, listOf, pageQuery } from "../../api/primitives.ts";
import {
  createVolumeIn,
  restoreVolumeIn,
  volumeEntryJson,
  volumeEntryOut,
  volumeJson,
  volumeOut,
  volumeVersionJson,
  volumeVersionOut,
} from "../../api/volumes/schemas.ts";

const SERVICE = "invoked.VolumeService";
const VOLUMES = "/api/v1/vfs/volumes";
const idParam = z.object({ id: z.string() });
const volumeAnswer = z.object({ volume: volumeOut });

/** Create, read and delete volumes, list what is in them, and go back to earlier versions. */
export function volumeRoutes(app: App, domain: Domain, maxBodyBytes: number): void {
  wholeVolumes(app, domain, maxBodyBytes);
  insideVolumes(app, domain, maxBodyBytes);
}

function wholeVolumes(app: App, { volumes }: Domain, maxBodyBytes: number): void {
  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.ListVolumes`,
    method: "get",
    path: VOLUMES,
    summary: "List volumes, newest first",
    query: pageQuery,
    response: listOf(volumeOut),
  }, async ({ query }) => {
    const { list, nextPageToken } = await volumes.list(pageOf(query));
    return { list: list.map(volumeJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.CreateVolume`,
    method: "post",
    path: VOLUMES,
    summary: "Create an empty volume",
    body: createVolumeIn,
    response: volumeAnswer,
  }, async ({ body: { displayName, quotaBytes } }) => ({
    volume: volumeJson(await volumes.create({ displayName, quotaBytes })),
  }));

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.GetVolume`,
    method: "get",
    path: `${VOLUMES}/{id}`,
    summary: "Get a volume",
    params: idParam,
    response: volumeAnswer,
  }, async ({ params }) => ({ volume: volumeJson(await volumes.get(params.id)) }));

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.DeleteVolume`,
    method: "delete",
    path: `${VOLUMES}/{id}`,
    summary: "Delete a volume with all of its files and versions",
    params: idParam,
    body: empty,
    response: empty,
  }, async ({ params }) => {
    await volumes.delete(params.id);
    return {};
  });
}

function insideVolumes(
  app: App,
  { volumes, volumeFiles }: Domain,
  maxBodyBytes: number,
): void {
  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.ListEntries`,
    method: "get",
    path: `${VOLUMES}/{id}/entries`,
    summary: "List files and directories, in the order of their paths",
    params: idParam,
    query: pageQuery.extend({
      directory: z.string().default("/").openapi({ description: "Default: the root" }),
      recursive: z.enum(["true", "false"], { error: "must be true or false" }).default("false")
        .openapi({ description: "Everything below the directory" }),
    }),
    response: listOf(volumeEntryOut),
  }, async ({ params, query }) => {
    const selection = { directory: query.directory, recursive: query.recursive === "true" };
    const page = await volumeFiles.entries(params.id, selection, pageOf(query));
    return { list: page.list.map(volumeEntryJson), nextPageToken: page.nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.ListVersions`,
    method: "get",
    path: `${VOLUMES}/{id}/versions`,
    summary: "List the versions that can be restored, newest first",
    params: idParam,
    query: pageQuery,
    response: listOf(volumeVersionOut),
  }, async ({ params, query }) => {
    const { list, nextPageToken } = await volumes.versions(params.id, pageOf(query));
    return { list: list.map(volumeVersionJson), nextPageToken };
  });

  endpoint(app, maxBodyBytes, {
    operationId: `${SERVICE}.RestoreVersion`,
    method: "post",
    path: `${VOLUMES}/{id}/restore`,
    summary: "Make a new version with the files of an earlier one",
    params: idParam,
    body: restoreVolumeIn,
    response: volumeAnswer,
  }, async ({ params, body, principal }) => ({
    volume: volumeJson(await volumes.restore(principal, params.id, body.version)),
  }));
}

function pageOf(query: z.output<typeof pageQuery>) {
  return { pageSize: query.page_size, pageToken: query.page_token };
}
