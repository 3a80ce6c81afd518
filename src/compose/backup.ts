/** Takes a backup of an installation beside its server. */
import { join } from "node:path";
import { type Config, countOf } from "../config/mod.ts";
import { checkServerKeys } from "../domain/identity/server_keys.ts";
import { verifyData } from "../domain/verification/verify.ts";
import { exists } from "../shared/files.ts";
import { BackupError } from "../store/backup/backup_error.ts";
import { expireBackups, type Expired } from "../store/backup/expire.ts";
import { MASTER_KEY_FILE } from "../store/backup/manifest.ts";
import {
  type BackupReport,
  prepareContents,
  type PreparedContents,
  takeBackup,
} from "../store/backup/take.ts";
import { type Contents, pathOfContent, verifiedContent } from "../store/contents.ts";
import { masterKeyText } from "../store/master_key.ts";
import { serverKeysIn } from "../store/sqlite/snapshot.ts";
import { openBackupTarget } from "./backup_files.ts";
import { lowerPriority, masterKeysIn, readInstallation } from "./reading.ts";
import { sealerOf } from "./sealer.ts";

/** Files beside the database that reveal secrets, or identify the server. */
const CREDENTIALS = "credentials.json";
const TLS = "tls";
const TLS_FILE = /^[a-z][a-z-]{0,40}\.(?:pem|key)$/;

/** How a backup is taken. */
interface BackupOptions {
  /** Whether the backup has the master key, the administrator's credentials and the key of TLS. */
  readonly withKeys: boolean;
  /** How many backups of undamaged data stay in the folder; undefined for all. */
  readonly keep: number | undefined;
  /** Called once if another backup or verification runs. */
  readonly onWait: () => void;
}

/**
 * Copies the database, then the contents that the copy references. Damages end no backup: the backup lists them, and
 * has everything else.
 * @param path an archive if it ends with `.tar`, the URL of a bucket of S3, otherwise a folder
 * @throws BackupError, DataDirError, DatabaseError, BlobError, SealingError, ObjectStoreUnusable
 */
export async function backUp(
  config: Config,
  path: string,
  { withKeys, keep, onWait }: BackupOptions,
): Promise<BackupReport & { readonly expired: Expired | undefined }> {
  const { dataDir } = config.server;
  const masterKeys = await masterKeysIn(config, dataDir);
  if (masterKeys === undefined) {
    throw new BackupError(
      `Nothing was backed up: the master key is not in ${dataDir}`,
      "name the directory of the server with --data, or give its key with --master-key-file or INVOKED_MASTER_KEY",
    );
  }
  lowerPriority();
  const sealer = sealerOf(masterKeys);
  await using opened = new AsyncDisposableStack();
  const { target, openFolder } = await openBackupTarget(config, path, opened);
  const { workDir } = target;
  const reading = await readInstallation(config, { workDir, sealer, opened, onWait });
  await target.assertName(reading.createdAt);
  checkServerKeys(serverKeysIn(reading.snapshot), sealer);
  const keys = withKeys ? await keyFiles(dataDir, masterKeys) : undefined;
  const parts = { ...reading, sealer, keys, workDir };
  const prepared = await prepareContents(target, parts);
  const { damages } = await verifyData({
    database: reading.snapshot,
    sealer,
    contents: preparedContents(prepared),
    isRead: false,
    isPaced: false,
  });
  const report = await takeBackup(target, parts, {
    prepared,
    damages,
    assertWhole: () => reading.assertHeld(),
  });
  if (keep === undefined || openFolder === undefined) return { ...report, expired: undefined };
  await using folders = new AsyncDisposableStack();
  const expire = async () => await expireBackups(await openFolder(folders), { keep, workDir });
  return { ...report, expired: await expireAfter(report, expire) };
}

/** @throws BackupError that says that the new backup is complete, and how many damages it lists */
async function expireAfter(
  { path: taken, damages }: BackupReport,
  expire: () => Promise<Expired>,
): Promise<Expired> {
  try {
    return await expire();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const next = error instanceof BackupError ? error.next : undefined;
    const lists = damages.length === 0
      ? ""
      : ` and lists ${countOf(damages.length, "damage")} of the data`;
    throw new BackupError(
      `Backup ${taken} is complete${lists}, but --keep failed: ${reason}`,
      next,
    );
  }
}

/** Contents that were read: a verification learns what failed. */
function preparedContents({ failures }: PreparedContents): Contents {
  return {
    open(ref) {
      const failure = failures.get(pathOfContent(ref));
      // The read has compared the size, too.
      return failure === undefined ? verifiedContent(ref, ref.size ?? 0) : Promise.reject(failure);
    },
  };
}

async function keyFiles(
  dataDir: string,
  masterKeys: readonly Uint8Array[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map([[MASTER_KEY_FILE, new TextEncoder().encode(masterKeyText(masterKeys))]]);
  const credentials = join(dataDir, CREDENTIALS);
  if (await exists(credentials)) files.set(CREDENTIALS, await Deno.readFile(credentials));
  const tls = join(dataDir, TLS);
  if (!await exists(tls)) return files;
  for await (const { name, isFile } of Deno.readDir(tls)) {
    if (isFile && TLS_FILE.test(name)) {
      files.set(`${TLS}/${name}`, await Deno.readFile(join(tls, name)));
    }
  }
  return files;
}
