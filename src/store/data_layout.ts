import { join } from "node:path";
import { DataDirError } from "./data_dir.ts";
import { exists, syncDirectory } from "../shared/files.ts";

/**
 * The directories of blobs in a data directory, with the names that earlier versions gave them. Both are renamed, so
 * that each is called what the glossary calls its blobs.
 */
const BLOB_DIRECTORIES = {
  commitBlobs: { name: "commit-blobs", earlierName: "blobs" },
  volumeBlobs: { name: "volume-blobs", earlierName: "contents" },
} as const;

/** The paths of the directories of blobs. */
export type BlobPaths = Readonly<Record<keyof typeof BLOB_DIRECTORIES, string>>;

/**
 * Finds the directories of blobs in a data directory; renames directories of an earlier version and creates missing
 * directories. Nothing else may use the data directory meanwhile.
 * @throws DataDirError if a directory exists under both names
 */
export async function prepareBlobDirectories(dataDir: string): Promise<BlobPaths> {
  const { commitBlobs, volumeBlobs } = BLOB_DIRECTORIES;
  return {
    commitBlobs: await prepare(dataDir, commitBlobs),
    volumeBlobs: await prepare(dataDir, volumeBlobs),
  };
}

async function prepare(
  dataDir: string,
  { name, earlierName }: { readonly name: string; readonly earlierName: string },
): Promise<string> {
  const [path, earlier] = [join(dataDir, name), join(dataDir, earlierName)];
  if (await exists(earlier)) {
    if (await exists(path)) {
      throw new DataDirError(
        `Data directory ${dataDir} is ambiguous: it has both ${earlierName} and ${name}, ` +
          "so an earlier version ran on it after this one",
        `restore a backup, or copy what only ${earlierName} has to ${name} and remove ${earlierName}`,
      );
    }
    await Deno.rename(earlier, path);
  }
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  await syncDirectory(dataDir);
  return path;
}
