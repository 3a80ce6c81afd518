/** The disk that holds the data directory. */
import { statfs } from "node:fs/promises";
import type { DiskReport } from "../api/server/readiness.ts";
import { databaseOf } from "../store/data_use.ts";

/** Measures the file system and the database of a data directory. */
export async function measureDisk(dataDir: string): Promise<DiskReport> {
  const { bavail, blocks, bsize } = await statfs(dataDir);
  const file = databaseOf(dataDir);
  const sizes = await Promise.all([file, `${file}-wal`].map(sizeOf));
  return {
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    databaseBytes: sizes[0] === undefined ? undefined : sizes[0] + (sizes[1] ?? 0),
  };
}

/** Undefined without the file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
