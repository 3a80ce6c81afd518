/** The contents that a database references: blobs of commits and of volumes, wherever they are stored. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { readAt } from "../shared/files.ts";
import { BlobError } from "./blobs/blob_error.ts";
import type { ObjectBuckets } from "./blobs/mod.ts";
import { asBlob } from "./blobs/object_commit_blobs.ts";
import { openStoredBlob, pathsOf } from "./blobs/stored_blob.ts";
import { readable } from "./blobs/verified.ts";

/** Bytes that are read in one step. */
const STEP_BYTES = 256 * 1024;

/** The directories of contents in a data directory and in a backup. */
export const CONTENT_KINDS = ["commit-blobs", "volume-blobs"] as const;
export type ContentKind = typeof CONTENT_KINDS[number];

/** A content that rows reference. */
export interface ContentRef {
  readonly kind: ContentKind;
  readonly digest: string;
  /** Bytes; undefined if no row has the size. */
  readonly size: number | undefined;
}

/** A content that can be read. Disposing it closes what it is read from. */
interface OpenContent extends Disposable {
  readonly size: number;
  /** At least one byte from an offset, and at most `length`; none at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Where contents are stored. */
export interface Contents {
  /** @throws BlobError if the content is missing, or has another size */
  open(content: ContentRef): Promise<OpenContent>;
}

const ARTIFACTS = ["script", "source_map", "lock", "test_script", "test_source_map", "test_lock"];

/** Finds the digests that rows reference, each once and in their order. */
const REFERENCES: Readonly<Record<ContentKind, string>> = {
  "commit-blobs": [
    "SELECT digest, NULL AS size FROM commit_files WHERE digest IS NOT NULL",
    ...ARTIFACTS.map((name) =>
      `SELECT ${name}_digest, NULL FROM commits WHERE ${name}_digest IS NOT NULL`
    ),
  ].join(" UNION ") + " ORDER BY 1",
  "volume-blobs":
    "SELECT digest, max(size) AS size FROM volume_entries WHERE digest IS NOT NULL AND NOT EXISTS " +
    "(SELECT 1 FROM small_contents WHERE small_contents.digest = volume_entries.digest) " +
    "GROUP BY digest ORDER BY digest",
};

/** The contents of a kind that rows of a database reference, without those that are rows themselves. */
export function* contentsOf(db: DatabaseSync, kind: ContentKind): Generator<ContentRef> {
  for (const { digest, size } of db.prepare(REFERENCES[kind]).iterate()) {
    yield { kind, digest: `${digest}`, size: typeof size === "number" ? size : undefined };
  }
}

/** The path of a content in a data directory and in a backup. */
export function pathOfContent({ kind, digest }: Pick<ContentRef, "kind" | "digest">): string {
  return `${kind}/${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** Contents in files of a data directory, or of a folder with the same names. */
export function diskContents(directory: string): Contents {
  return {
    async open({ kind, digest, size }) {
      const root = join(directory, kind);
      const damaged = (damage: string) => new BlobError(root, digest, damage);
      const [path] = pathsOf(root, digest);
      return await readable(async () => {
        const info = await Deno.lstat(path).catch(() => undefined);
        if (info !== undefined && !info.isFile) throw damaged("is not a regular file");
        if (kind === "volume-blobs") {
          const { reader } = await openStoredBlob(root, digest, size ?? info?.size ?? 0);
          return Object.assign(reader, { size: size ?? info?.size ?? 0 });
        }
        if (info === undefined) throw damaged("is missing");
        const file = await Deno.open(path);
        return {
          size: info.size,
          read: (offset, length) => readAt(file, offset, length),
          [Symbol.dispose]: () => file.close(),
        };
      }, damaged).catch((error) => {
        if (error instanceof Deno.errors.PermissionDenied) {
          throw damaged("cannot be read: permission denied");
        }
        throw error;
      });
    },
  };
}

/** Contents in the object store. */
export function objectContents(buckets: ObjectBuckets): Contents {
  return {
    async open({ kind, digest, size }) {
      const bucket = kind === "commit-blobs" ? buckets.commits : buckets.volumes;
      const object = await asBlob(() => bucket.open(digest));
      if (size !== undefined && object.size !== size) {
        throw BlobError.ofSize(bucket.name, digest, object.size, size);
      }
      return {
        size: object.size,
        read: (offset, length) => asBlob(() => object.read(offset, length)),
        [Symbol.dispose]() {},
      };
    },
  };
}

/**
 * A content whose bytes were read and have its digest, so they are not read again.
 * @param found bytes
 * @throws BlobError if its rows say another size
 */
export function verifiedContent(
  { kind, digest, size }: ContentRef,
  found: number,
): Promise<OpenContent> {
  if (size !== undefined && found !== size) {
    return Promise.reject(BlobError.ofSize(kind, digest, found, size));
  }
  return Promise.resolve({
    size: found,
    read: () => Promise.reject(new Error("the content was read before")),
    [Symbol.dispose]() {},
  });
}

/**
 * Reads a content from its begin to its end, and compares its digest.
 * @throws BlobError after the last byte if the content was changed
 */
export async function* checkedBytes(
  content: OpenContent,
  { kind, digest }: Pick<ContentRef, "kind" | "digest">,
): AsyncGenerator<Uint8Array> {
  const damaged = (damage: string) => new BlobError(kind, digest, damage);
  const hash = createHash("sha256");
  for (let at = 0; at < content.size;) {
    const bytes = await readable(
      () => content.read(at, Math.min(STEP_BYTES, content.size - at)),
      damaged,
    );
    if (bytes.length === 0) throw damaged("is too short");
    hash.update(bytes);
    yield bytes;
    at += bytes.length;
  }
  if (hash.digest("hex") !== digest) throw damaged("was changed");
}
