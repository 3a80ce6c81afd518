/** Removes old backups of a folder, and the contents that no other backup in the folder has. */
import { join } from "node:path";
import { removeAll, syncDirectory } from "../../shared/files.ts";
import { CONTENT_KINDS } from "../contents.ts";
import { BackupError } from "./backup_error.ts";
import { ContentIndex } from "./content_index.ts";
import { filesOfList } from "./list.ts";
import { isContent, LIST_FILE, type Manifest } from "./manifest.ts";
import { infoOf, makeDirectory } from "./own_files.ts";
import { openSource } from "./sources.ts";
import { readManifest, stageList } from "./stage.ts";
import { namesOfBackups } from "./targets.ts";

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
 * displace a whole one. A kill before any step leaves each backup of the folder whole. The caller holds the
 * lock of the folder.
 * @param workDir of the target, in the folder
 * @throws BackupError if a backup that stays does not say which contents it has: then nothing is removed
 */
export async function expireBackups(
  folder: string,
  { keep, workDir }: { readonly keep: number; readonly workDir: string },
): Promise<Expired> {
  const names = (await namesOfBackups(folder)).reverse();
  const kept = await keptOf(folder, names, keep);
  using index = new ContentIndex(join(workDir, "kept.db"));
  for (const name of kept) {
    await noteContents(folder, name, { index, workDir }).catch((error) => {
      throw keptUnreadable(error);
    });
  }
  const backups = names.slice(kept.length);
  for (const name of backups) await Deno.rename(join(folder, name), join(workDir, name));
  // Contents go after the last backup that has them.
  await syncDirectory(folder);
  return { backups, ...await removeContents(folder, index) };
}

/** The newest backups, up to the one that completes the number of backups of undamaged data. */
async function keptOf(
  folder: string,
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

async function manifestOf(folder: string, name: string): Promise<Manifest> {
  await using source = await openSource(folder, name);
  return await readManifest(source);
}

/** @throws BackupError */
async function noteContents(
  folder: string,
  name: string,
  { index, workDir }: { readonly index: ContentIndex; readonly workDir: string },
): Promise<void> {
  await using source = await openSource(folder, name);
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

/** Removes the contents that are not in an index. Other files stay. */
async function removeContents(
  folder: string,
  index: ContentIndex,
): Promise<Pick<Expired, "contents" | "bytes">> {
  let contents = 0;
  let bytes = 0;
  for (const kind of CONTENT_KINDS) {
    for (const shard of await directoriesIn(join(folder, kind))) {
      const names = await Array.fromAsync(Deno.readDir(join(folder, kind, shard)));
      for (const { name, isFile } of names) {
        const path = `${kind}/${shard}/${name}`;
        if (!isFile || !isContent(path) || index.has(path)) continue;
        bytes += (await infoOf(join(folder, path)))?.size ?? 0;
        await Deno.remove(join(folder, path));
        contents++;
      }
    }
  }
  return { contents, bytes };
}

/** The names of directories in a directory; none if it is missing, or a link. */
async function directoriesIn(path: string): Promise<readonly string[]> {
  if ((await infoOf(path))?.isDirectory !== true) return [];
  const entries = await Array.fromAsync(Deno.readDir(path));
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}
