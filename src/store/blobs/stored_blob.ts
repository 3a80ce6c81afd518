import { join } from "node:path";
import { readAt } from "../../shared/files.ts";
import type { Digest } from "./commit_blobs.ts";
import { CompressedBlobReader } from "./compressed_blob.ts";

/** The suffix of files whose content is compressed. */
const COMPRESSED_SUFFIX = ".zst";

/** Bytes that can be read from any offset. Disposing it closes the file. */
export interface BlobReader extends Disposable {
  /** At most `length` bytes from an offset; none at the end, and at least one before it. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

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

/** Opens a blob that has a file. Rejects if the file does not exist. */
export async function openStoredBlob(root: string, digest: Digest): Promise<BlobReader> {
  const [plain, compressed] = pathsOf(root, digest);
  try {
    const file = await Deno.open(plain);
    return {
      read: (offset, length) => readAt(file, offset, length),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const file = await Deno.open(compressed);
  try {
    const reader = await CompressedBlobReader.open(file);
    return {
      read: (offset, length) => reader.read(offset, length),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}
