import { isContent, MANIFEST_FILE } from "./manifest.ts";
import type { RemoteFile, RemoteFiles } from "./remote_files.ts";
import { BACKUP_NAME } from "./targets.ts";

/** How the names of backups begin, and of nothing else in the bucket: with the millennium. */
const NAMES = "2";

/** A backup in a bucket, or what is there of an interrupted one. */
interface RemoteBackup {
  readonly name: string;
  readonly files: readonly RemoteFile[];
  /** Whether it has its manifest, which is written last. */
  readonly isComplete: boolean;
}

/** Whether a path is that of a file of backups. */
export function isOfBackup(path: string): boolean {
  return isContent(path) || BACKUP_NAME.test(path.split("/")[0] ?? "");
}

/** All backups of a bucket, oldest first. */
export async function remoteBackups(files: RemoteFiles): Promise<readonly RemoteBackup[]> {
  const found = new Map<string, RemoteFile[]>();
  for await (const listed of files.list(NAMES)) {
    for (const file of listed) {
      const [name = ""] = file.path.split("/");
      if (!BACKUP_NAME.test(name)) continue;
      const earlier = found.get(name);
      if (earlier === undefined) found.set(name, [file]);
      else earlier.push(file);
    }
  }
  return [...found].map(([name, of]) => {
    const isComplete = of.some(({ path }) => path === `${name}/${MANIFEST_FILE}`);
    return { name, files: of, isComplete };
  });
}
