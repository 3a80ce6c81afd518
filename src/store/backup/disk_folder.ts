import { join } from "node:path";
import { syncDirectory } from "../../shared/files.ts";
import { CONTENT_KINDS } from "../contents.ts";
import type { BackupFolder, StoredContent } from "./expire.ts";
import { isContent } from "./manifest.ts";
import { infoOf } from "./own_files.ts";
import { type BackupSource, openSource } from "./sources.ts";
import { namesOfBackups } from "./targets.ts";

/** The backups of a folder on disk. The caller holds the lock of the folder. */
export class DiskFolder implements BackupFolder {
  /** @param workDir of the target, in the folder */
  constructor(private readonly path: string, private readonly workDir: string) {}

  names(): Promise<readonly string[]> {
    return namesOfBackups(this.path);
  }

  source(name: string): Promise<BackupSource> {
    return openSource(this.path, name);
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await Deno.rename(join(this.path, name), join(this.workDir, name));
    await syncDirectory(this.path);
  }

  async *contents(): AsyncGenerator<StoredContent> {
    for (const kind of CONTENT_KINDS) {
      for (const shard of await directoriesIn(join(this.path, kind))) {
        const names = await Array.fromAsync(Deno.readDir(join(this.path, kind, shard)));
        for (const { name, isFile } of names) {
          const path = `${kind}/${shard}/${name}`;
          if (!isFile || !isContent(path)) continue;
          yield { path, size: (await infoOf(join(this.path, path)))?.size ?? 0 };
        }
      }
    }
  }

  async removeContent(path: string): Promise<void> {
    await Deno.remove(join(this.path, path));
  }
}

/** The names of directories in a directory; none if it is missing, or a link. */
async function directoriesIn(path: string): Promise<readonly string[]> {
  if ((await infoOf(path))?.isDirectory !== true) return [];
  const entries = await Array.fromAsync(Deno.readDir(path));
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}
