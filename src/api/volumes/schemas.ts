import { z } from "@hono/zod-openapi";
import type { VolumeEntryRow, VolumeRow, VolumeVersionRow } from "../../store/volumes.ts";
import { int32In, int32Out, int64In, int64Out, textIn, timestamp } from "../primitives.ts";

/** Longest display name of a volume, in characters. */
const DISPLAY_NAME_CHARS_MAX = 256;

/** Names a volume. */
export const volumeParam = z.object({ id: z.string() });

export const filePath = "/api/v1/vfs/volumes/{id}/files/{path}";
/** Names a file of a volume. */
export const fileParams = z.object({
  id: z.string(),
  path: z.string().openapi({ description: "May have slashes" }),
});

export const volumeOut = z.object({
  id: z.string(),
  displayName: z.string(),
  quotaBytes: int64Out,
  usedBytes: int64Out.openapi({ description: "Sizes of the files of this version" }),
  fileCount: int32Out,
  version: int32Out.openapi({ description: "Incremented by every commit" }),
  createdAt: timestamp,
  updatedAt: timestamp,
}).openapi("invoked.Volume");

export const volumeAnswer = z.object({ volume: volumeOut });

/** The API's form of a volume. */
export function volumeJson(row: VolumeRow): z.input<typeof volumeOut> {
  const { id, displayName, fileCount, version, createdAt, updatedAt } = row;
  return {
    id,
    displayName,
    quotaBytes: String(row.quotaBytes),
    usedBytes: String(row.usedBytes),
    fileCount,
    version,
    createdAt,
    updatedAt,
  };
}

export const createVolumeIn = z.object({
  displayName: textIn.min(1).max(DISPLAY_NAME_CHARS_MAX),
  quotaBytes: int64In.optional().openapi({ description: "Default: --max-volume" }),
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

export const volumeVersionOut = z.object({
  version: int32Out,
  createdAt: timestamp,
  invocationId: z.string().optional().openapi({
    description: "The invocation that created the version",
  }),
  principalId: z.string().optional().openapi({
    description: "The principal whose request created the version",
  }),
  restoredVersion: int32Out.optional().openapi({ description: "The restored version" }),
  paths: z.array(z.string()).openapi({ description: "The first 100 changed paths" }),
  pathCount: int32Out.openapi({ description: "Number of changed paths" }),
}).openapi("invoked.VolumeVersion");

/** The API's form of a version. */
export function volumeVersionJson(row: VolumeVersionRow): z.input<typeof volumeVersionOut> {
  return {
    version: row.version,
    createdAt: row.createdAt,
    ...row.invocationId === null ? {} : { invocationId: row.invocationId },
    ...row.principalId === null ? {} : { principalId: row.principalId },
    ...row.restoredVersion === null ? {} : { restoredVersion: row.restoredVersion },
    paths: JSON.parse(row.paths) as string[],
    pathCount: row.pathCount,
  };
}
