import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { formatBytes } from "../config/mod.ts";
import { exists } from "../shared/files.ts";
import { DataDirError, openDataDir } from "./data_dir.ts";
import { databaseOf } from "./data_use.ts";
import { compactFile, type Compaction, sizeOfCopy } from "./sqlite/compact.ts";

/** Free space that a compaction leaves on the file system. */
const SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Rewrites the SQLite database of a stopped server without its free space. From then on the database gives back by
 * itself what deletions free. A crash at any time leaves the database before or after, whole.
 * @throws DataDirError
 */
export async function compactDatabase(dataDir: string): Promise<Compaction> {
  const file = databaseOf(dataDir);
  if (!await exists(file)) {
    throw new DataDirError(
      `Data directory ${dataDir} has no database: ${file} does not exist`,
      "name the data directory of the server with --data",
    );
  }
  using _directory = await openDataDir(dataDir);
  const needed = sizeOfCopy(file) + SPARE_BYTES;
  const { bavail, bsize } = await statfs(dirname(file));
  if (bavail * bsize < needed) {
    throw new DataDirError(
      `The database was not compacted: its copy needs ${formatBytes(needed)}, and the file ` +
        `system of ${dataDir} has ${formatBytes(bavail * bsize)} free`,
      "free that space first",
    );
  }
  return await compactFile(file);
}
