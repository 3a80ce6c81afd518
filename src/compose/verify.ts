/** Verifies the data of an installation, or a backup. */
import { join } from "node:path";
import type { Config } from "../config/mod.ts";
import type { Damage } from "../domain/verification/damages.ts";
import { type DataVerification, verifyCopy, verifyData } from "../domain/verification/verify.ts";
import { checkManifest, DATABASE_FILE, type Manifest } from "../store/backup/manifest.ts";
import { ContentIndex } from "../store/backup/content_index.ts";
import { stageBackup } from "../store/backup/stage.ts";
import { diskContents } from "../store/contents.ts";
import { damageOf } from "../store/damage.ts";
import { assertRestored, type DataDir, DataDirError, openDataDir } from "../store/data_dir.ts";
import { assertDatabaseIsThere, databaseOf } from "../store/data_use.ts";
import { exists } from "../shared/files.ts";
import { openTempDir } from "../shared/temp_dir.ts";
import { masterKeyFileOf } from "../store/master_key.ts";
import type { Sealer } from "../store/sealing.ts";
import { isEarlier } from "../store/sqlite/migrate_copy.ts";
import { copyOfAnyVersion } from "../store/sqlite/snapshot.ts";
import { openBackupSource } from "./backup_files.ts";
import { lowerPriority, masterKeysIn, readInstallation } from "./reading.ts";
import { sealerOf } from "./sealer.ts";

/** How the names of temporary directories of verifications begin. */
const TEMP_PREFIX = "invoked-verify-";

/** The result of a verification, and what was verified. */
export interface InstallationVerification extends DataVerification {
  readonly verified: string;
  /** Whether the master key was at hand: without it, sealed values and the signature of a backup are not verified. */
  readonly hasKey: boolean;
}

/**
 * Verifies the data of a stopped server, or of a running one at low priority on a copy of its database.
 * @param onWait called once if contents are being deleted
 * @throws DataDirError, DatabaseError
 */
export async function verifyInstallation(
  config: Config,
  { isOnline, onWait }: { readonly isOnline: boolean; readonly onWait: () => void },
): Promise<InstallationVerification> {
  const { server: { dataDir }, database: { url } } = config;
  const verified = url?.label ?? `data directory ${dataDir}`;
  await assertRestored(dataDir);
  if (url === undefined && !await exists(databaseOf(dataDir))) {
    return await withoutDatabase(dataDir);
  }
  const keys = await readKeys(config);
  const hasKey = keys.sealer !== undefined;
  if (isOnline) lowerPriority();
  await using opened = new AsyncDisposableStack();
  const isFile = url === undefined && !isOnline;
  if (isFile) {
    opened.use(await lockStopped(dataDir));
    const parts = { ...keys, contents: diskContents(dataDir), isRead: true, isPaced: false };
    const result = await verifyStopped(databaseOf(dataDir), parts, verified);
    return { verified, hasKey, ...withDamages(keys.damages, result) };
  }
  const { path: workDir } = opened.use(await openTempDir(TEMP_PREFIX));
  try {
    const { snapshot: database, contents, assertHeld } = await readInstallation(config, {
      workDir,
      sealer: keys.sealer,
      opened,
      onWait,
    });
    const result = await verifyData({
      database,
      contents,
      ...keys,
      isRead: true,
      isPaced: isOnline,
    });
    // Without the lock, what is missing may have been deleted.
    await assertHeld();
    return { verified, hasKey, ...withDamages(keys.damages, result) };
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    const damages: Damage[] = [{ kind: "database", message: damage.message, affects: [] }];
    return { verified, hasKey, ...NOTHING, damages: [...keys.damages, ...damages] };
  }
}

/** Verifies a database that no server uses; an earlier version's, in a copy that is migrated. */
async function verifyStopped(
  database: string,
  parts: Omit<Parameters<typeof verifyData>[0], "database">,
  name: string,
): Promise<DataVerification> {
  if (!isWrittenEarlier(database, name)) return await verifyData({ database, ...parts });
  await using directory = await openTempDir(TEMP_PREFIX);
  const copy = join(directory.path, DATABASE_FILE);
  await copyOfAnyVersion(database, copy);
  return await verifyCopy({ database: copy, ...parts }, name);
}

/**
 * Reads a backup as a restore would. Contents are not written; the temporary directory gets the database.
 * @param chosen the name of a backup in a folder; undefined for the newest
 * @throws BackupError for a backup that a restore would reject, ObjectStoreUnusable
 */
export async function verifyBackup(
  config: Config,
  path: string,
  chosen: string | undefined,
): Promise<InstallationVerification> {
  await using opened = new AsyncDisposableStack();
  const source = opened.use(await openBackupSource(config, path, chosen));
  const { path: workDir } = opened.use(await openTempDir(TEMP_PREFIX));
  const directory = join(workDir, "backup");
  await Deno.mkdir(directory);
  const read = opened.use(new ContentIndex(join(workDir, "contents.db")));
  const check = async (manifest: Manifest) => {
    const keys = await masterKeysIn(config, directory);
    const sealer = keys && sealerOf(keys);
    if (sealer !== undefined) checkManifest(manifest, source.name, sealer);
    return sealer;
  };
  // Once more afterwards, with the key in the backup itself.
  const { manifest, bytes } = await stageBackup(source, { directory, read, check });
  const sealer = await check(manifest);
  const result = await verifyCopy({
    database: join(directory, DATABASE_FILE),
    sealer,
    contents: read.contents,
    isRead: false,
    isPaced: false,
  }, source.name);
  return { verified: source.name, ...result, bytes, hasKey: sealer !== undefined };
}

const NOTHING: DataVerification = {
  contents: 0,
  bytes: 0,
  sealedValues: 0,
  auditEvents: 0,
  damages: [],
  isCut: false,
};

/** The key, or why it is lost. */
async function readKeys(
  config: Config,
): Promise<{ readonly sealer: Sealer | undefined; readonly damages: readonly Damage[] }> {
  const lost = (message: string) => ({
    sealer: undefined,
    damages: [{ kind: "file", message, affects: [{ type: "server", id: "" }] }] as const,
  });
  try {
    const keys = await masterKeysIn(config, config.server.dataDir);
    if (keys !== undefined) return { sealer: sealerOf(keys), damages: [] };
    const file = masterKeyFileOf(config.server.dataDir);
    return lost(`the master key ${file} is missing: no sealed value can be opened`);
  } catch (error) {
    if (!(error instanceof DataDirError)) throw error;
    return lost(error.violation);
  }
}

/** @throws DataDirError while a server uses the directory */
async function lockStopped(dataDir: string): Promise<DataDir> {
  try {
    return await openDataDir(dataDir);
  } catch (error) {
    if (!(error instanceof DataDirError) || !error.violation.includes("in use")) throw error;
    throw new DataDirError(error.violation, "verify beside the server with --online, or stop it");
  }
}

/** A lost database is damage; a directory that no server has used is an error. @throws DataDirError */
async function withoutDatabase(dataDir: string): Promise<InstallationVerification> {
  const verified = `data directory ${dataDir}`;
  try {
    await assertDatabaseIsThere(dataDir);
  } catch (error) {
    if (!(error instanceof DataDirError)) throw error;
    const affects = [{ type: "server", id: "" }] as const;
    const damages: Damage[] = [{ kind: "file", message: error.violation, affects }];
    return { verified, hasKey: false, ...NOTHING, damages };
  }
  throw new DataDirError(
    `Nothing was verified: no server has used ${verified}`,
    "name the data directory of a server with --data",
  );
}

/** @throws DataDirError for a database of a later version */
function isWrittenEarlier(database: string, name: string): boolean {
  try {
    return isEarlier(database, name);
  } catch (error) {
    // A verification of the database itself reports what is damaged.
    if (error instanceof Error && "errcode" in error) return false;
    throw error;
  }
}

function withDamages(damages: readonly Damage[], result: DataVerification): DataVerification {
  return { ...result, damages: [...damages, ...result.damages] };
}
