/** Reads all of a data directory and reports what is damaged. Changes nothing; a server may use it meanwhile. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { exists } from "../shared/files.ts";
import { CONTENT_KINDS, type ContentKind, contentsOf } from "./contents.ts";
import { DataDirError } from "./data_dir.ts";
import { databaseOf } from "./data_use.ts";
import { assertKnown } from "./migrations/mod.ts";

/** Errors of the database that are listed. */
const ERRORS_MAX = 20;
/**
 * Files of this pattern are blobs, below folders of two digits; other files are being written, or have an early form.
 */
const BLOB = /^[0-9a-f]{62}$/;

/** The report on a data directory. */
export interface DataReport {
  readonly path: string;
  /** False for a directory that no server has used. */
  readonly exists: boolean;
  /** Blobs that were read. */
  readonly blobs: number;
  /** What is missing or damaged, each in words. */
  readonly damaged: readonly string[];
}

/** Checks the pages of the database, and the content of each blob. */
export async function checkDataDir(dataDir: string): Promise<DataReport> {
  const damaged: string[] = [];
  const database = databaseOf(dataDir);
  const hasDatabase = await exists(database);
  const folders = await Promise.all(
    CONTENT_KINDS.map(async (name) => [name, await exists(join(dataDir, name))] as const),
  );
  if (!hasDatabase && !folders.some(([, isThere]) => isThere)) {
    return { path: dataDir, exists: false, blobs: 0, damaged };
  }
  let blobs = 0;
  for (const [name, isThere] of folders) {
    const found = isThere
      ? await checkBlobs(join(dataDir, name), name, damaged)
      : new Set<string>();
    blobs += found.size;
    if (!hasDatabase) continue;
    for (const digest of referencedIn(database, name, damaged)) {
      if (found.has(digest) || await isThereNow(join(dataDir, name), digest)) continue;
      damaged.push(`blob ${pathOf(name, digest)} is missing`);
    }
  }
  if (hasDatabase) damaged.unshift(...databaseErrors(database));
  return { path: dataDir, exists: true, blobs, damaged: [...new Set(damaged)] };
}

/** Why this version does not open the database of a directory; undefined for another fault, or without a database. */
export async function laterVersionOf(dataDir: string): Promise<string | undefined> {
  const database = databaseOf(dataDir);
  if (!await exists(database)) return undefined;
  try {
    using db = new DatabaseSync(database, { readOnly: true });
    const rows = db.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
    assertKnown(rows.map(({ name }) => `${name}`), `data directory ${dataDir}`);
  } catch (error) {
    // Others are damages.
    if (error instanceof DataDirError) return error.message;
  }
  return undefined;
}

function databaseErrors(database: string): string[] {
  try {
    using db = new DatabaseSync(database, { readOnly: true });
    const rows = db.prepare(`PRAGMA quick_check(${ERRORS_MAX})`).all();
    return rows.map((row) => `${Object.values(row)[0]}`).filter((failure) => failure !== "ok")
      .map((failure) => `the database is damaged: ${failure.replaceAll("\n", "; ")}`);
  } catch (error) {
    return [`the database is damaged: ${error instanceof Error ? error.message : error}`];
  }
}

/**
 * The digests that rows reference. A database of an earlier version may lack tables, and then has none of these rows.
 */
function referencedIn(
  database: string,
  kind: ContentKind,
  damaged: string[],
): ReadonlySet<string> {
  const digests = new Set<string>();
  try {
    using db = new DatabaseSync(database, { readOnly: true });
    for (const { digest } of contentsOf(db, kind)) digests.add(digest);
  } catch (error) {
    const message = error instanceof Error ? error.message : `${error}`;
    if (!/^no such (?:table|column)/.test(message)) {
      damaged.push(`the database is damaged: ${message}`);
    }
  }
  return digests;
}

/** Reads each blob of a folder. @returns their digests */
async function checkBlobs(
  root: string,
  name: string,
  damaged: string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const folder of Deno.readDir(root)) {
    if (!/^[0-9a-f]{2}$/.test(folder.name)) continue;
    for await (const file of Deno.readDir(join(root, folder.name))) {
      const digest = folder.name + file.name.replace(/\.zst$/, "");
      if (!BLOB.test(digest.slice(2))) continue;
      found.add(digest);
      // Earlier versions compressed some; the server checks these when it reads them.
      if (file.name.endsWith(".zst")) continue;
      const error = await errorOf(join(root, folder.name, file.name), digest);
      if (error !== undefined) damaged.push(`blob ${pathOf(name, digest)} ${error}`);
    }
  }
  return found;
}

async function errorOf(path: string, digest: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    using file = await Deno.open(path);
    for await (const chunk of file.readable) hash.update(chunk);
  } catch (error) {
    // Collected meanwhile.
    if (error instanceof Deno.errors.NotFound) return undefined;
    return "cannot be read: the disk reports an error";
  }
  return hash.digest("hex") === digest ? undefined : "was changed";
}

/** A blob that was stored after its folder was read is there. */
async function isThereNow(root: string, digest: string): Promise<boolean> {
  const path = join(root, digest.slice(0, 2), digest.slice(2));
  return await exists(path) || await exists(`${path}.zst`);
}

function pathOf(name: string, digest: string): string {
  return `${name}/${digest.slice(0, 2)}/${digest.slice(2)}`;
}
