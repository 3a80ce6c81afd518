/** Reads a backup into an empty directory, and checks each byte. */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes } from "../../config/mod.ts";
import { readAt, syncDirectory, syncFile, writeAll } from "../../shared/files.ts";
import { BackupError } from "./backup_error.ts";
import {
  assertKnownSchema,
  LIST_FILE,
  type ListedFile,
  type Manifest,
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  notABackup,
  parseLine,
  parseManifest,
} from "./manifest.ts";
import type { BackupSource, SourceFile } from "./sources.ts";

/** Bytes of one line of the list, at most. */
const LINE_BYTES_MAX = 160;
/** Bytes of the list that are read in one step. */
const LIST_STEP_BYTES = 64 * 1024;

/** A backup whose files were read and have the digests of its list. */
export interface StagedBackup {
  readonly manifest: Manifest;
  readonly bytes: number;
}

/**
 * Reads a whole backup into a directory. The manifest comes first: a backup that cannot be restored is rejected before
 * anything else is read.
 * @param check rejects a backup by its manifest
 * @throws BackupError
 */
export async function stageBackup(
  source: BackupSource,
  directory: string,
  check: (manifest: Manifest) => Promise<unknown>,
): Promise<StagedBackup> {
  const manifest = await readManifest(source);
  assertKnownSchema(manifest, source.name);
  await check(manifest);
  if (source.bytes !== undefined) await assertSpace(directory, source.bytes, source.name);
  const list = join(directory, LIST_FILE);
  await stageList(source, list, manifest);
  let files = 0;
  let bytes = 0;
  let before: ListedFile | undefined;
  const directories = new Set<string>();
  for await (const line of linesOf(list, source.name)) {
    const listed = parseLine(line, before?.path, source.name);
    before = listed;
    const file = await source.next(listed.path);
    const to = join(directory, listed.path);
    await Deno.mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const digest = await write(file, to, source.name, listed.path);
    if (digest !== listed.digest) {
      throw notABackup(
        source.name,
        `${listed.path} was changed: it has another digest than in ${LIST_FILE}`,
      );
    }
    for (let each = dirname(to); each !== directory; each = dirname(each)) directories.add(each);
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
  for (const each of [...directories, directory]) await syncDirectory(each);
  return { manifest, bytes };
}

async function readManifest(source: BackupSource): Promise<Manifest> {
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

async function stageList(source: BackupSource, to: string, manifest: Manifest): Promise<void> {
  const file = await source.next(LIST_FILE);
  if (file.size > manifest.files * LINE_BYTES_MAX) {
    throw notABackup(source.name, `${LIST_FILE} is longer than its ${manifest.files} files need`);
  }
  if (await write(file, to, source.name, LIST_FILE) === manifest.list) return;
  throw notABackup(
    source.name,
    `${LIST_FILE} was changed: it has another digest than in ${MANIFEST_FILE}`,
  );
}

/** Writes a new file (0600), durably. @returns its digest */
async function write(file: SourceFile, to: string, backup: string, path: string): Promise<string> {
  const hash = createHash("sha256");
  using written = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  let size = 0;
  for await (const bytes of file.bytes()) {
    hash.update(bytes);
    size += bytes.length;
    await writeAll(written, bytes);
  }
  if (size !== file.size) {
    throw notABackup(backup, `${path} has ${size} bytes instead of ${file.size}`);
  }
  await syncFile(written, to);
  return hash.digest("hex");
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

/** The lines of the list. @throws BackupError for a line that is longer than any of a backup */
async function* linesOf(path: string, backup: string): AsyncGenerator<string> {
  using file = await Deno.open(path);
  let rest = "";
  for (let at = 0;;) {
    const bytes = await readAt(file, at, LIST_STEP_BYTES);
    at += bytes.length;
    const lines = (rest + new TextDecoder("latin1").decode(bytes)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > LINE_BYTES_MAX) {
      throw notABackup(backup, `a line of ${LIST_FILE} is too long`);
    }
    if (bytes.length === 0) break;
  }
  if (rest !== "") throw notABackup(backup, `${LIST_FILE} ends within a line`);
}
