/** Opens what a backup is written to and read from: files on disk, or a bucket of S3. */
import { S3Files } from "../cluster/objects/s3/files.ts";
import { type Config, type S3Address, s3AddressIn } from "../config/mod.ts";
import { BackupError } from "../store/backup/backup_error.ts";
import { DiskFolder } from "../store/backup/disk_folder.ts";
import type { BackupFolder } from "../store/backup/expire.ts";
import { RemoteFolder } from "../store/backup/remote_folder.ts";
import { openRemoteSource } from "../store/backup/remote_source.ts";
import { RemoteTarget } from "../store/backup/remote_target.ts";
import { type BackupSource, openSource } from "../store/backup/sources.ts";
import { type BackupTarget, isArchiveName, openTarget } from "../store/backup/targets.ts";
import { openTempDir } from "../shared/temp_dir.ts";

/** How the names of temporary directories of backups in S3 begin. */
const TEMP_PREFIX = "invoked-backup-";

/** Where a backup is written to. */
interface OpenedTarget {
  readonly target: BackupTarget;
  /** Opens all backups there, to remove old ones; undefined for an archive. The stack closes what this opens. */
  readonly openFolder: ((opened: AsyncDisposableStack) => Promise<BackupFolder>) | undefined;
}

/**
 * Opens the target of a backup. `opened` closes it.
 * @param path an archive that ends with `.tar`, a folder, or the URL of a bucket of S3
 * @throws BackupError, ObjectStoreUnusable
 */
export async function openBackupTarget(
  { nats }: Config,
  path: string,
  opened: AsyncDisposableStack,
): Promise<OpenedTarget> {
  const address = addressIn(path);
  if (address === undefined) {
    const target = opened.use(await openTarget(path));
    const folder = () => Promise.resolve(new DiskFolder(path, target.workDir));
    return { target, openFolder: isArchiveName(path) ? undefined : folder };
  }
  const { path: workDir } = opened.use(await openTempDir(TEMP_PREFIX));
  const files = await S3Files.toWrite(address, nats.environmentS3Keys);
  const target = opened.use(await RemoteTarget.open(files, workDir));
  const openFolder = async (stack: AsyncDisposableStack) =>
    stack.use(await RemoteFolder.open(files, target.marker));
  return { target, openFolder };
}

/**
 * Opens a backup.
 * @param chosen its name in a folder or bucket; undefined for the newest
 * @throws BackupError, ObjectStoreUnusable
 */
export async function openBackupSource(
  { nats }: Config,
  path: string,
  chosen: string | undefined,
): Promise<BackupSource> {
  const address = addressIn(path);
  if (address === undefined) return await openSource(path, chosen);
  const files = await S3Files.toRead(address, nats.environmentS3Keys);
  return await openRemoteSource(files, chosen);
}

/** @returns undefined for a path on disk @throws BackupError */
function addressIn(path: string): S3Address | undefined {
  const address = s3AddressIn(path);
  if (typeof address !== "string") return address;
  throw new BackupError(`The URL of backups is invalid: ${address}`, undefined);
}
