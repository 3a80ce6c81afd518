/** Copies an installation into PostgreSQL, with its blobs into another data directory. */
import { join } from "node:path";
import type { Config } from "../config/mod.ts";
import { checkServerKeys } from "../domain/identity/server_keys.ts";
import { prepareBlobs } from "../store/blobs/mod.ts";
import { type BlobCopies, copyBlobs } from "../store/copy/blobs.ts";
import { assertEmpty, type CopiedTable, copyTables } from "../store/copy/tables.ts";
import { type DataDir, DataDirError, openDataDir } from "../store/data_dir.ts";
import { databaseOf } from "../store/data_use.ts";
import { masterKeyFileOf } from "../store/master_key.ts";
import { openStore } from "../store/mod.ts";
import { postgresOptionsOf } from "../store/postgres/address.ts";
import { StorageHealth } from "../store/storage_health.ts";
import { exists } from "../shared/files.ts";
import { openSealer } from "./sealer.ts";

/** What was copied, and is the same on both sides. */
export interface InstallationCopy {
  readonly tables: readonly CopiedTable[];
  readonly blobs: BlobCopies;
  /** What a server on the copy needs besides, as instructions. */
  readonly carryOver: readonly string[];
}

/**
 * Copies the installation in the data directory of the configuration, which no server uses meanwhile. First the blobs,
 * which a repetition finds and does not send again; then all rows in one transaction, if every blob is there.
 * @throws DataDirError, DatabaseError, BlobError, StorageUnavailable
 */
export async function copyInstallation(
  config: Config,
  toDataDir: string,
): Promise<InstallationCopy> {
  const postgres = postgresOptionsOf(config, { exclusive: true });
  if (postgres === undefined) throw new Error("Cannot copy an installation without --database");
  const { dataDir } = config.server;
  const path = databaseOf(dataDir);
  if (!await exists(path)) {
    throw new DataDirError(`Cannot copy data directory ${dataDir}: ${path} does not exist`);
  }
  await using opened = new AsyncDisposableStack();
  const directory = opened.use(await openDataDir(dataDir));
  const sealer = await openSealer(withoutDatabase(config), directory);
  const checkKeys = (keys: Parameters<typeof checkServerKeys>[0]) => checkServerKeys(keys, sealer);
  const source = opened.use(await openStore(dataDir, { onSyncFailure, checkKeys }));
  const { path: to } = opened.use(await openDataDir(toDataDir));
  {
    await using _migrated = await openStore(to, { onSyncFailure, checkKeys, postgres });
  }
  await assertEmpty(postgres, path);
  const health = opened.use(new StorageHealth(() => Promise.resolve(), onSyncFailure));
  const openBlobs = await prepareBlobs(to, undefined);
  const blobs = opened.use(await openBlobs({ volumes: source.read.volumes, health }));
  const copies = await copyBlobs(source, blobs);
  const tables = await copyTables(postgres, path);
  return { tables, blobs: copies, carryOver: await carryOver(config, directory, to) };
}

/** The write that failed reports it, and ends the copy. */
function onSyncFailure(): void {}

/** The records of the source are in its directory. */
function withoutDatabase(config: Config): Config {
  return { ...config, database: { ...config.database, url: undefined } };
}

async function carryOver(
  { identity: { masterKey, masterKeyFile } }: Config,
  { path }: DataDir,
  toDataDir: string,
): Promise<string[]> {
  const key = masterKeyFileOf(path);
  const steps: string[] = [];
  if (masterKey !== undefined) steps.push("set INVOKED_MASTER_KEY to the same key");
  else if (masterKeyFile !== undefined) steps.push(`start with --master-key-file ${masterKeyFile}`);
  else steps.push(`copy ${key} to ${masterKeyFileOf(toDataDir)}, with mode 0600`);
  for (const name of ["tls", "credentials.json"]) {
    if (await exists(join(path, name))) {
      steps.push(`copy ${join(path, name)}, if clients or you use it`);
    }
  }
  return steps;
}
