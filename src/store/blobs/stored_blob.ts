import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Digest } from "./commit_blobs.ts";
import { readAt } from "../files.ts";
import { compressFrame, FRAME_BYTES, SeekableReader, SeekableWriter } from "./seekable.ts";

/** Contents are compressed where that leaves less than this part of their first frame. */
const COMPRESSED_PART_MAX = 0.8;
/** What a file's name ends with where the content in it is compressed. */
const COMPRESSED_SUFFIX = ".zst";

/** Bytes that can be read from any place. Disposing it closes the file. */
export interface BlobReader extends Disposable {
  /** At most `length` bytes from an offset; none at the end, and at least one before it. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The paths that a content may have below the directory: as it is, and compressed. */
export function pathsOf(root: string, digest: Digest): readonly [string, string] {
  const plain = join(root, digest.slice(0, 2), digest.slice(2));
  return [plain, plain + COMPRESSED_SUFFIX];
}

/** The digest of the content in a file of this name; undefined where it holds none. */
export function digestAt(folder: string, name: string): Digest | undefined {
  const digest = folder + name.replace(/\.zst$/, "");
  return /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

/** Opens a content that has a file. Rejects when it has none. */
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
    const reader = await SeekableReader.open(file);
    return {
      read: (offset, length) => reader.read(offset, length),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Whether compressing the content pays, judged by its first frame. */
export async function compresses(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const first = await readAt(file, 0, FRAME_BYTES);
  return (await compressFrame(first)).length < first.length * COMPRESSED_PART_MAX;
}

/**
 * Writes the compressed form of a file, durably. Rejects where the file does not have the digest: what is
 * thrown away afterwards must be what was kept.
 */
export async function compressFile(from: string, to: string, digest: Digest): Promise<void> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  const writer = new SeekableWriter(target);
  const hash = createHash("sha256");
  for (let offset = 0;; offset += FRAME_BYTES) {
    const part = await readAt(source, offset, FRAME_BYTES);
    if (part.length === 0) break;
    hash.update(part);
    await writer.write(part);
  }
  if (hash.digest("hex") !== digest) throw new Error("a staged file does not have its digest");
  await writer.finish();
  await target.syncData();
}
