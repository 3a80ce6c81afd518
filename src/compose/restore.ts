/** Restores a backup into an empty data directory, and into an empty database of PostgreSQL. */
import { join } from "node:path";
import type { Config } from "../config/mod.ts";
import { checkServerKeys } from "../domain/identity/server_keys.ts";
import type { Damage } from "../domain/verification/damages.ts";
import { DAMAGES_MAX } from "../domain/verification/verify.ts";
import { exists, removeAll, syncDirectory } from "../shared/files.ts";
import { BackupError } from "../store/backup/backup_error.ts";
import {
  checkManifest,
  DATABASE_FILE,
  type Manifest,
  MASTER_KEY_FILE,
} from "../store/backup/manifest.ts";
import { prepareRestored } from "../store/backup/restored.ts";
import { stageBackup, type StagedBackup } from "../store/backup/stage.ts";
import { CONTENT_KINDS } from "../store/contents.ts";
import { foreignEntry, lockDataDir, RESTORING, unusable } from "../store/data_dir.ts";
import { type PostgresOptions, postgresOptionsOf } from "../store/postgres/address.ts";
import { PostgresReading } from "../store/postgres/snapshot.ts";
import { serverKeysIn } from "../store/sqlite/snapshot.ts";
import type { Sealer } from "../store/sealing.ts";
import { openBackupSource } from "./backup_files.ts";
import { connectUnused, copyId, copyStaged } from "./copy.ts";
import { masterKeysIn } from "./reading.ts";
import { sealerOf } from "./sealer.ts";
import { verifyStaged } from "./verify_staged.ts";

/** What a restore moves into the data directory, the database last. */
const MOVED: readonly string[] = [
  ...CONTENT_KINDS,
  "credentials.json",
  "tls",
  MASTER_KEY_FILE,
  DATABASE_FILE,
];
/**
 * What a data directory may have before a restore: locks, what an earlier restore has left, and the directory that
 * mkfs makes in each file system.
 */
const LEFT: readonly string[] = ["lock", "contents.lock", RESTORING, "lost+found"];
/** What PostgreSQL answers to a row that names a row which is missing. */
const FOREIGN_KEY_VIOLATION = "23503";

/** What was restored. */
export interface RestoreReport {
  readonly backup: string;
  readonly createdAt: string;
  readonly invoked: string;
  readonly files: number;
  readonly bytes: number;
  /** The data directory, and the database if it is not in there. */
  readonly dataDir: string;
  readonly database: string | undefined;
  /** Whether the data directory has the master key now. */
  readonly hasKeys: boolean;
  /** The file of the master key that the server needs; undefined for a key in the directory or in a variable. */
  readonly masterKeyFile: string | undefined;
  /** What the backup lacks, and the operator has accepted. */
  readonly damages: readonly Damage[];
}

/** How a backup is restored. */
interface RestoreOptions {
  /** The name of a backup in a folder; undefined for the newest. */
  readonly chosen: string | undefined;
  /** Whether the damages are accepted that the backup's manifest lists. */
  readonly acceptDamage: boolean;
}

/**
 * Reads and verifies the whole backup into a directory of its own, and then moves it. The restored server is paused.
 * @throws BackupError, DataDirError, DatabaseError, NatsUnusable, ObjectStoreUnusable
 */
export async function restoreBackup(
  config: Config,
  path: string,
  { chosen, acceptDamage }: RestoreOptions,
): Promise<RestoreReport> {
  const { dataDir } = config.server;
  const postgres = postgresOptionsOf(config, { exclusive: true });
  await using opened = new AsyncDisposableStack();
  const source = opened.use(await openBackupSource(config, path, chosen));
  opened.use(await lockDataDir(dataDir));
  await assertEmptyTarget(dataDir, postgres);
  if (config.nats.urls !== undefined && postgres !== undefined) {
    await using _unused = await connectUnused(config, await copyId(postgres));
  }
  const staged = await prepareStaging(dataDir);
  try {
    const backup = await stageBackup(source, {
      directory: staged,
      check: (manifest) => checkByKey(config, manifest, source.name),
    });
    const sealer = await sealerFor(config, staged, backup.manifest, source.name);
    const { manifest } = backup;
    checkManifest(manifest, source.name, sealer);
    const verifiedFrom = new Date().toISOString();
    const read = { directory: staged, sealer, manifest, backup: source.name };
    const damages = await verifyStaged(read, acceptDamage);
    const database = join(staged, DATABASE_FILE);
    checkServerKeys(serverKeysIn(database), sealer);
    const messages = damages.slice(0, DAMAGES_MAX).map(({ message }) => message);
    await prepareRestored(database, {
      backupAt: manifest.createdAt,
      verifiedFrom,
      damages: messages,
      hasObjects: config.nats.urls !== undefined,
    });
    if (postgres !== undefined) {
      const missing = new Set(manifest.missing.map((each) => each.path));
      await copyStaged(config, { staged, sealer, postgres, missing })
        .catch((error) => rethrowViolation(error, postgres));
    }
    await publish(dataDir, staged, { hasDatabase: postgres === undefined, config });
    return { ...reportOf(config, source.name, backup), damages };
  } catch (error) {
    // Without a moved file, the directory is as it was; otherwise, a repetition begins anew.
    if (!await hasMoved(dataDir)) await Deno.remove(staged, { recursive: true }).catch(() => {});
    throw error;
  }
}

function reportOf(
  config: Config,
  backup: string,
  { manifest, bytes }: StagedBackup,
): Omit<RestoreReport, "damages"> {
  const { createdAt, invoked, files, hasKeys } = manifest;
  const { dataDir } = config.server;
  const database = config.database.url?.label;
  const { masterKeyFile } = config.identity;
  return { backup, createdAt, invoked, files, bytes, dataDir, database, hasKeys, masterKeyFile };
}

/** @throws BackupError, DataDirError */
async function assertEmptyTarget(
  dataDir: string,
  postgres: PostgresOptions | undefined,
): Promise<void> {
  const foreign = await foreignEntry(dataDir);
  if (foreign !== undefined) throw unusable(dataDir, foreign);
  const names = await Array.fromAsync(Deno.readDir(dataDir), ({ name }) => name);
  const isUnfinished = names.includes(RESTORING);
  const other = names.find((name) =>
    !LEFT.includes(name) && !(isUnfinished && MOVED.includes(name))
  );
  if (other !== undefined) {
    throw new BackupError(
      `Data directory ${dataDir} is not empty: it has ${
        JSON.stringify(other)
      }; nothing was changed`,
      "name a new directory with --data",
    );
  }
  if (postgres === undefined) return;
  await using reading = await PostgresReading.open(postgres);
  const table = await reading.usedTable();
  if (table === undefined) return;
  throw new BackupError(
    `${postgres.database.url.label} is not empty: it has the table ${table}; nothing was changed`,
    "name an empty database (createdb)",
  );
}

/** Makes the directory that keeps servers off, without what an earlier restore has left. */
async function prepareStaging(dataDir: string): Promise<string> {
  const staged = join(dataDir, RESTORING);
  if (await exists(staged)) {
    // In this order: without the directory, the rest would be a data directory.
    for (const name of MOVED.toReversed()) await removeAll(join(dataDir, name));
    await removeAll(staged);
  }
  await Deno.mkdir(staged, { mode: 0o700 });
  await syncDirectory(dataDir);
  return staged;
}

async function hasMoved(dataDir: string): Promise<boolean> {
  for (const name of MOVED) if (await exists(join(dataDir, name))) return true;
  return false;
}

/** Rejects a foreign backup before it is read, if the master key is at hand. */
async function checkByKey(config: Config, manifest: Manifest, backup: string): Promise<void> {
  const given = await masterKeysIn(config, join(config.server.dataDir, RESTORING));
  if (given !== undefined) checkManifest(manifest, backup, sealerOf(given));
  else if (!manifest.hasKeys) throw missingKey(manifest, backup);
}

/** @throws BackupError without a key */
async function sealerFor(
  config: Config,
  staged: string,
  manifest: Manifest,
  backup: string,
): Promise<Sealer> {
  const keys = await masterKeysIn(config, staged);
  if (keys === undefined) throw missingKey(manifest, backup);
  return sealerOf(keys);
}

function missingKey({ masterKeyId }: Manifest, backup: string): BackupError {
  return new BackupError(
    `${backup} has no keys: its secrets are sealed under master key ${masterKeyId}, which it does not contain`,
    "give the key with --master-key-file or INVOKED_MASTER_KEY",
  );
}

/** A database of SQLite may have rows that PostgreSQL rejects. */
function rethrowViolation(error: unknown, { database: { url } }: PostgresOptions): never {
  if ((error as { code?: unknown } | null)?.code !== FOREIGN_KEY_VIOLATION) throw error;
  const { detail } = error as { detail?: unknown };
  throw new BackupError(
    `${url.label} has no row, because PostgreSQL rejects a row of the backup that names a missing row: ${detail}`,
    "restore the backup into a data directory, without --database",
  );
}

/** Moves what was staged into the data directory. Servers are kept off until the last step. */
async function publish(
  dataDir: string,
  staged: string,
  { hasDatabase, config }: { readonly hasDatabase: boolean; readonly config: Config },
): Promise<void> {
  const isShared = config.nats.urls !== undefined;
  for (const name of MOVED) {
    if (name === DATABASE_FILE && !hasDatabase) continue;
    if (isShared && (CONTENT_KINDS as readonly string[]).includes(name)) continue;
    if (await exists(join(staged, name))) {
      await Deno.rename(join(staged, name), join(dataDir, name));
    }
  }
  await syncDirectory(dataDir);
  await Deno.remove(staged, { recursive: true });
  await syncDirectory(dataDir);
}
