/** Whether a data directory was in use, so that a missing part is lost and must not be created again. */
import { join } from "node:path";
import { exists, sizeOf } from "../shared/files.ts";
import { DataDirError } from "./data_dir.ts";

/** The database of a data directory. */
export function databaseOf(dataDir: string): string {
  return join(dataDir, "invoked.db");
}

/** The files that the first start writes after the database has its tables, and that every version keeps. */
const TRACES = ["credentials.json", "commit-blobs", "blobs"];

/**
 * Checks that a directory which was in use has its database: a server on an empty database would hide the loss.
 * @throws DataDirError
 */
export async function assertDatabaseIsThere(dataDir: string): Promise<void> {
  const database = databaseOf(dataDir);
  const size = await sizeOf(database);
  if (size !== undefined && size > 0) return;
  const trace = await traceOf(dataDir);
  if (trace === undefined) return;
  throw new DataDirError(
    `Data directory ${dataDir} is incomplete: ${database} is ${
      size === undefined ? "missing" : "empty"
    }, and ${trace} shows that the directory was in use`,
    "restore the database from a backup, choose another directory with --data, or name its " +
      "PostgreSQL database with --database",
  );
}

/**
 * Checks that a directory was not in use, whose records would be missing in a new database.
 * @param database names the database in the message
 * @throws DataDirError
 */
export async function assertWasNotInUse(dataDir: string, database: string): Promise<void> {
  const trace = (await sizeOf(databaseOf(dataDir)) ?? 0) > 0
    ? databaseOf(dataDir)
    : await traceOf(dataDir);
  if (trace === undefined) return;
  throw new DataDirError(
    `Data directory ${dataDir} does not belong to ${database}: the database is empty, and ${trace} ` +
      "shows that the directory was in use",
    "restore the database from a backup, or choose another directory with --data",
  );
}

/**
 * @param hasDatabase whether the records are in the directory, and not in another database
 * @throws DataDirError if a directory that was in use has no master key
 */
export async function assertNeedsNoKey(dataDir: string, hasDatabase: boolean): Promise<void> {
  if (hasDatabase) await assertDatabaseIsThere(dataDir);
  const isUsed = (await sizeOf(databaseOf(dataDir)) ?? 0) > 0 ||
    await traceOf(dataDir) !== undefined;
  if (!isUsed) return;
  throw new DataDirError(
    `Data directory ${dataDir} is incomplete: ${join(dataDir, "master.key")} is missing, and the ` +
      "secrets in the database are sealed under a master key",
    "restore the file from a backup, or set INVOKED_MASTER_KEY if the server took the key from there",
  );
}

/** A file or directory that only a server in use leaves. */
async function traceOf(dataDir: string): Promise<string | undefined> {
  for (const name of TRACES) {
    const path = join(dataDir, name);
    // A directory of blobs is made before the database, and gets its first blob after it.
    const isTrace = name.endsWith(".json") ? await exists(path) : (await namesIn(path)).length > 0;
    if (isTrace) return path;
  }
  return undefined;
}

async function namesIn(path: string): Promise<string[]> {
  if (!await exists(path)) return [];
  return await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
}
