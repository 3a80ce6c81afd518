import type { VolumeRow } from "../../store/volumes.ts";

/** The row of a volume that was just created. */
export function emptyVolume(
  given: Pick<VolumeRow, "id" | "displayName" | "quotaBytes">,
): VolumeRow {
  const now = new Date().toISOString();
  return {
    ...given,
    usedBytes: 0,
    fileCount: 0,
    directoryCount: 0,
    version: 0,
    oldestVersion: 0,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
  };
}
