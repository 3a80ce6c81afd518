/** Reads a backup into an empty directory, and checks each byte. */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes } from "../../config/mod.ts";
import { syncDirectory, syncFile, writeAll } from "../../shared/files.ts";
import { BackupError } from "./backup_error.ts";
import { filesOfList, LINE_BYTES_MAX } from "./list.ts";
import {
  assertKnownSchema,
  isContent,
  LIST_FILE,
  type Manifest,
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  notABackup,
  parseManifest,
} from "./manifest.ts";
import type { ContentIndex } from "./content_index.ts";
import type { BackupSource, SourceFile } from "./sources.ts";

/** A backup whose files were read and have the digests of its list. */
export interface StagedBackup {
  readonly manifest: Manifest;
  readonly bytes: number;
}

/** Where a backup is read to. */
interface Stage {
  /** An empty directory. */
  readonly directory: string;
  /** Notes contents, which are then read and not written; undefined if the directory gets them. */
  readonly read?: ContentIndex;
  /** Rejects a backup by its manifest. */
  check(manifest: Manifest): Promise<unknown>;
}

/**
 * Reads a whole backup. The manifest comes first: a backup that cannot be restored is rejected before anything else is
 * read.
 * @throws BackupError
 */
export async function stageBackup(
  source: BackupSource,
  { directory, read, check }: Stage,
): Promise<StagedBackup> {
  const manifest = await readManifest(source);
  assertKnownSchema(manifest, source.name);
  await check(manifest);
  const needed = read === undefined ? source.bytes : undefined;
  if (needed !== undefined) await assertSpace(directory, needed, source.name);
  await stageList(source, directory, manifest);
  let files = 0;
  let bytes = 0;
  const directories = new Set<string>();
  for await (const listed of filesOfList(join(directory, LIST_FILE), source.name)) {
    const file = await source.next(listed.path);
    const isNoted = read !== undefined && isContent(listed.path);
    const digest = isNoted
      ? await digestOf(file, source.name, listed.path)
      : await write(file, directory, source.name, listed.path);
    if (digest !== listed.digest) {
      throw notABackup(
        source.name,
        `${listed.path} was changed: it has another digest than in ${LIST_FILE}`,
      );
    }
    if (isNoted) read.add(listed.path, file.size);
    else directories.add(dirname(listed.path));
    files++;
    bytes += file.size;
  }
  if (files !== manifest.files) {
    throw notABackup(
      source.name,
      `${LIST_FILE} lists ${files} files, and the manifest ${manifest.files}`,
    );
  }
  await source.end();
  await syncDirectories(directory, directories);
  return { manifest, bytes };
}

/** Reads the first file of a backup. @throws BackupError */
export async function readManifest(source: BackupSource): Promise<Manifest> {
  const file = await source.next(MANIFEST_FILE);
  if (file.size > MANIFEST_BYTES_MAX) {
    throw notABackup(
      source.name,
      `${MANIFEST_FILE} has ${file.size} bytes, more than ${MANIFEST_BYTES_MAX}`,
    );
  }
  const text = await Array.fromAsync(file.bytes());
  return parseManifest(Buffer.concat(text).toString("utf8"), source.name);
}

/** Reads the second file of a backup into a directory, and compares its digest. @throws BackupError */
export async function stageList(
  source: BackupSource,
  directory: string,
  manifest: Manifest,
): Promise<void> {
  const file = await source.next(LIST_FILE);
  if (file.size > manifest.files * LINE_BYTES_MAX) {
    throw notABackup(source.name, `${LIST_FILE} is longer than its ${manifest.files} files need`);
  }
  if (await write(file, directory, source.name, LIST_FILE) === manifest.list) return;
  throw notABackup(
    source.name,
    `${LIST_FILE} was changed: it has another digest than in ${MANIFEST_FILE}`,
  );
}

/** Writes a new file (0600) of a directory, durably. @returns its digest */
async function write(
  file: SourceFile,
  directory: string,
  backup: string,
  path: string,
): Promise<string> {
  const to = join(directory, path);
  await Deno.mkdir(dirname(to), { recursive: true, mode: 0o700 });
  using written = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  const digest = await digestOf(file, backup, path, (bytes) => writeAll(written, bytes));
  await syncFile(written, to);
  return digest;
}

/** Reads a file. @param take receives its bytes */
async function digestOf(
  file: SourceFile,
  backup: string,
  path: string,
  take?: (bytes: Uint8Array) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const bytes of file.bytes()) {
    hash.update(bytes);
    size += bytes.length;
    await take?.(bytes);
  }
  if (size === file.size) return hash.digest("hex");
  throw notABackup(backup, `${path} has ${size} bytes instead of ${file.size}`);
}

/** @param inside paths of directories in the directory */
async function syncDirectories(directory: string, inside: ReadonlySet<string>): Promise<void> {
  const all = new Set<string>();
  for (const path of inside) {
    for (let each = path; each !== "."; each = dirname(each)) all.add(join(directory, each));
  }
  for (const each of [...all, directory]) await syncDirectory(each);
}

async function assertSpace(directory: string, bytes: number, backup: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new BackupError(
    `${backup} needs ${formatBytes(bytes)}, and ${formatBytes(free)} are free for ${directory}`,
    "free space, or restore into another directory",
  );
}
