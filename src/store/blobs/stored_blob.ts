import { join } from "node:path";
import { ifExists, readAt } from "../../shared/files.ts";
import type { Digest } from "./commit_blobs.ts";
import { BlobError } from "./blob_error.ts";
import { CompressedBlobReader } from "./compressed_blob.ts";
import { readable } from "./verified.ts";
import type { BlobReader } from "./volume_blobs.ts";

/** The suffix of files whose content is compressed. */
const COMPRESSED_SUFFIX = ".zst";

/** The paths that a blob may have below the directory: plain, and as older versions compressed it. */
export function pathsOf(root: string, digest: Digest): readonly [plain: string, old: string] {
  const plain = join(root, digest.slice(0, 2), digest.slice(2));
  return [plain, plain + COMPRESSED_SUFFIX];
}

/** The digest of the blob in a file of this name; undefined if the file is no blob. */
export function digestAt(folder: string, name: string): Digest | undefined {
  const digest = folder + name.replace(/\.zst$/, "");
  return /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

/** A blob that has a file. */
interface StoredBlob {
  readonly reader: BlobReader;
  /** Changes when the file is written or replaced. */
  readonly stamp: string;
}

/** Opens a blob that has a file. @throws BlobError if the file is missing, or has another size */
export async function openStoredBlob(
  root: string,
  digest: Digest,
  size: number,
): Promise<StoredBlob> {
  const [plain, compressed] = pathsOf(root, digest);
  const plainFile = await ifExists(Deno.open(plain));
  if (plainFile !== undefined) return await plainReader(plainFile, root, digest, size);
  const file = await ifExists(Deno.open(compressed));
  if (file === undefined) throw new BlobError(root, digest, "is missing");
  try {
    const reader = await CompressedBlobReader.open(file);
    return {
      reader: {
        read: (offset, length) => reader.read(offset, length),
        [Symbol.dispose]: () => file.close(),
      },
      stamp: stampOf(await file.stat()),
    };
  } catch (error) {
    file.close();
    return await readable(
      () => Promise.reject(error),
      (damage) => new BlobError(root, digest, damage),
    );
  }
}

async function plainReader(
  file: Deno.FsFile,
  root: string,
  digest: Digest,
  size: number,
): Promise<StoredBlob> {
  const info = await file.stat();
  const { size: found } = info;
  if (found !== size) {
    file.close();
    throw BlobError.ofSize(root, digest, found, size);
  }
  return {
    reader: {
      read: (offset, length) => readAt(file, offset, length),
      [Symbol.dispose]: () => file.close(),
    },
    stamp: stampOf(info),
  };
}

function stampOf({ ino, mtime, ctime, size }: Deno.FileInfo): string {
  return `${ino} ${mtime?.getTime()} ${ctime?.getTime()} ${size}`;
}
