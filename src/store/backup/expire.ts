/** Removes old backups of a folder or bucket, and the contents that no other backup there has. */
import { join } from "node:path";
import { removeAll } from "../../shared/files.ts";
import { BackupError } from "./backup_error.ts";
import { ContentIndex } from "./content_index.ts";
import { filesOfList } from "./list.ts";
import { isContent, LIST_FILE, type Manifest } from "./manifest.ts";
import { makeDirectory } from "./own_files.ts";
import type { BackupSource } from "./sources.ts";
import { readManifest, stageList } from "./stage.ts";

/** A content that backups share. */
export interface StoredContent {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Backups that share their contents. Nobody else writes or removes any meanwhile. */
export interface BackupFolder {
  /** The names of the backups, oldest first. */
  names(): Promise<readonly string[]>;
  /** @throws BackupError */
  source(name: string): Promise<BackupSource>;
  /** Removes backups, durably, and not their contents. A kill leaves each of them whole or no backup. */
  remove(names: readonly string[]): Promise<void>;
  /** All contents. Other files do not count. */
  contents(): AsyncIterable<StoredContent>;
  removeContent(path: string): Promise<void>;
}

/** What was removed. */
export interface Expired {
  /** The names of the backups, newest first. */
  readonly backups: readonly string[];
  readonly contents: number;
  /** Of the contents. */
  readonly bytes: number;
}

/**
 * Removes every backup that is older than the newest `keep` backups of undamaged data: backups of damaged data never
 * displace a whole one. A kill before any step leaves each backup of the folder whole.
 * @param workDir an own directory, for lists
 * @throws BackupError if a backup that stays does not say which contents it has: then nothing is removed
 */
export async function expireBackups(
  folder: BackupFolder,
  { keep, workDir }: { readonly keep: number; readonly workDir: string },
): Promise<Expired> {
  const names = (await folder.names()).toReversed();
  const kept = await keptOf(folder, names, keep);
  using index = new ContentIndex(join(workDir, "kept.db"));
  for (const name of kept) {
    await noteContents(folder, name, { index, workDir }).catch((error) => {
      throw keptUnreadable(error);
    });
  }
  const backups = names.slice(kept.length);
  // Contents go after the last backup that has them.
  await folder.remove(backups);
  return { backups, ...await removeContents(folder, index) };
}

/** The newest backups, up to the one that completes the number of backups of undamaged data. */
async function keptOf(
  folder: BackupFolder,
  names: readonly string[],
  keep: number,
): Promise<readonly string[]> {
  let whole = 0;
  for (const [at, name] of names.entries()) {
    const manifest = await manifestOf(folder, name).catch((error) => {
      // What is damaged itself does not count either.
      if (error instanceof BackupError) return undefined;
      throw error;
    });
    if (manifest?.damages.length === 0) whole++;
    if (whole === keep) return names.slice(0, at + 1);
  }
  return names;
}

async function manifestOf(folder: BackupFolder, name: string): Promise<Manifest> {
  await using source = await folder.source(name);
  return await readManifest(source);
}

/** @throws BackupError */
async function noteContents(
  folder: BackupFolder,
  name: string,
  { index, workDir }: { readonly index: ContentIndex; readonly workDir: string },
): Promise<void> {
  await using source = await folder.source(name);
  const manifest = await readManifest(source);
  // One list at a time: the disk may be almost full.
  const directory = join(workDir, "list");
  await makeDirectory(directory);
  await stageList(source, directory, manifest);
  for await (const { path } of filesOfList(join(directory, LIST_FILE), source.name)) {
    if (isContent(path)) index.add(path, null);
  }
  await removeAll(directory);
}

function keptUnreadable(error: unknown): unknown {
  if (!(error instanceof BackupError)) return error;
  return new BackupError(
    `No older backup was removed: ${error.message}`,
    "find out which contents the damaged backup needs, or remove its directory",
  );
}

/** Removes the contents that are not in an index. */
async function removeContents(
  folder: BackupFolder,
  index: ContentIndex,
): Promise<Pick<Expired, "contents" | "bytes">> {
  let contents = 0;
  let bytes = 0;
  for await (const { path, size } of folder.contents()) {
    if (index.has(path)) continue;
    await folder.removeContent(path);
    contents++;
    bytes += size;
  }
  return { contents, bytes };
}
