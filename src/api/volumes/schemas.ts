import { z } from "@hono/zod-openapi";
import type { VolumeEntryRow, VolumeRow, VolumeVersionRow } from "../../store/volumes.ts";
import { VOLUME, VOLUME_VERSION } from "../../resources/volumes.ts";
import { int32In, int64Out, timestamp } from "../primitives.ts";
import { answerJson, answerShape, requestShape, textOf } from "../resource.ts";

export const filePath = "/api/v1/vfs/volumes/{id}/files/{path}";
export const volumeOut = z.object(answerShape(VOLUME)).openapi("invoked.Volume");
export const volumeAnswer = z.object({ volume: volumeOut });

/** The API's form of a volume. */
export const volumeJson = (row: VolumeRow) => answerJson(VOLUME, row);

export const createVolumeIn = z.object({
  displayName: textOf(VOLUME.displayName).min(1),
  ...requestShape({ quotaBytes: VOLUME.quotaBytes }),
}).openapi("invoked.CreateVolumeRequest");

export const restoreVolumeIn = z.object({ version: int32In }).openapi(
  "invoked.RestoreVolumeRequest",
);

export const volumeEntryOut = z.object({
  path: z.string(),
  type: z.enum(["file", "directory"]),
  size: int64Out,
  etag: z.string().optional().openapi({ description: "Value of the header ETag; files only" }),
  modifiedAt: timestamp,
}).openapi("invoked.VolumeEntry");

/** The API's form of an entry. */
export function volumeEntryJson(
  { path, kind, size, digest, modifiedAt }: VolumeEntryRow,
): z.input<typeof volumeEntryOut> {
  const etag = digest === null ? {} : { etag: etagOf(digest) };
  return { path, type: kind, size: String(size), ...etag, modifiedAt };
}

/** The entity tag of a content. */
export function etagOf(digest: string): string {
  return `"${digest}"`;
}

export const volumeVersionOut = z.object(answerShape(VOLUME_VERSION))
  .openapi("invoked.VolumeVersion");

/** The API's form of a version. */
export const volumeVersionJson = (row: VolumeVersionRow) => answerJson(VOLUME_VERSION, row);
