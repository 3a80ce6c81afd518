/**
 * The form of an object: chunks that are sealed with AES-256-GCM under a key of the object's own.
 *
 * Layout of a chunk: version, index, size of the whole content, nonce, ciphertext, tag. The tag covers all of it and
 * the digest of the content: so no chunk can be moved, repeated or left out, and no object shortened.
 */
import { formatBytes } from "../../config/mod.ts";
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { Buffer } from "node:buffer";

const VERSION = 1;
const ALGORITHM = "aes-256-gcm";
export const KEY_BYTES = 32;
const HEADER_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Bytes of a sealed chunk; the last chunk is shorter. */
export const CHUNK_BYTES = 256 * 1024;
const SEALED_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;
/** Bytes of the content in each chunk but the last. */
export const CONTENT_BYTES = CHUNK_BYTES - SEALED_BYTES;

/** The header of a chunk. It is true once the chunk is opened. */
interface ChunkHeader {
  readonly index: number;
  /** Bytes of the whole content. */
  readonly size: number;
}

/** The key of one object. A holder of the key can read this object and no other. */
export function objectKey(root: Uint8Array, digest: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", root, digest, "invoked object 1", KEY_BYTES));
}

/** Identifies the key of an object, without a hint at the key itself. */
export function objectKeyId(key: Uint8Array): string {
  return createHash("sha256").update("invoked object key\0").update(key).digest("hex").slice(0, 16);
}

/** Number of chunks of a content; an empty content has one chunk. */
export function chunksOf(size: number): number {
  return Math.max(1, Math.ceil(size / CONTENT_BYTES));
}

/** Number of chunks in so many bytes of a whole object. */
export function sealedChunks(size: number): number {
  return Math.max(1, Math.ceil(size / CHUNK_BYTES));
}

/** Bytes of a whole object. */
export function sealedSize(size: number): number {
  return size + chunksOf(size) * SEALED_BYTES;
}

/** Bytes of the content of an object. */
export function contentSize({ size, chunks }: { readonly size: number; readonly chunks: number }) {
  return size - chunks * SEALED_BYTES;
}

/** The header of a chunk that may be false; undefined without a header. */
export function headerOf(chunk: Uint8Array): ChunkHeader | undefined {
  if (chunk.length < SEALED_BYTES) return undefined;
  const view = new DataView(chunk.buffer, chunk.byteOffset, HEADER_BYTES);
  if (view.getUint32(0) !== VERSION) return undefined;
  const size = Number(view.getBigUint64(8));
  const index = view.getUint32(4);
  return Number.isSafeInteger(size) && index < chunksOf(size) ? { index, size } : undefined;
}

function sealChunk(
  key: Uint8Array,
  digest: string,
  { index, size }: ChunkHeader,
  content: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(VERSION, 0);
  header.writeUInt32BE(index, 4);
  header.writeBigUInt64BE(BigInt(size), 8);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(associated(header, digest));
  const sealed = [cipher.update(content), cipher.final()];
  return Uint8Array.from(Buffer.concat([header, nonce, ...sealed, cipher.getAuthTag()]));
}

/** The content of a chunk; undefined if it is not chunk `index` of this object. */
export function openChunk(
  key: Uint8Array,
  digest: string,
  index: number,
  chunk: Uint8Array,
): { readonly size: number; readonly content: Uint8Array } | undefined {
  const header = headerOf(chunk);
  if (header?.index !== index) return undefined;
  const { size } = header;
  const expected = Math.min(CONTENT_BYTES, size - index * CONTENT_BYTES);
  if (chunk.length !== expected + SEALED_BYTES) return undefined;
  const end = chunk.length - TAG_BYTES;
  const nonce = chunk.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  try {
    const decipher = createDecipheriv(ALGORITHM, key, nonce)
      .setAAD(associated(chunk.subarray(0, HEADER_BYTES), digest))
      .setAuthTag(chunk.subarray(end));
    const opened = decipher.update(chunk.subarray(HEADER_BYTES + NONCE_BYTES, end));
    const content = Uint8Array.from(Buffer.concat([opened, decipher.final()]));
    return { size, content };
  } catch {
    return undefined;
  }
}

function associated(header: Uint8Array, digest: string): Uint8Array {
  return Buffer.concat([header, Buffer.from(digest, "hex")]);
}

/**
 * The sealed chunks of a content, in order.
 * @throws Error before the last chunk if the content has another size or digest
 */
export async function* sealContent(
  key: Uint8Array,
  { digest, size, read }: {
    readonly digest: string;
    readonly size: number;
    read(): AsyncIterable<Uint8Array>;
  },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hash = createHash("sha256");
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let index = 0;
  for await (const bytes of read()) {
    hash.update(bytes);
    pending.push(bytes);
    pendingBytes += bytes.length;
    // More than a chunk: the last chunk is sealed after the check.
    while (pendingBytes > CONTENT_BYTES) {
      const all = Buffer.concat(pending);
      yield sealChunk(key, digest, { index: index++, size }, all.subarray(0, CONTENT_BYTES));
      pending = [all.subarray(CONTENT_BYTES)];
      pendingBytes -= CONTENT_BYTES;
    }
  }
  const total = index * CONTENT_BYTES + pendingBytes;
  if (total !== size || hash.digest("hex") !== digest) {
    throw new Error(
      `Content of object ${digest} is wrong: its content of ${
        formatBytes(total)
      } has another digest`,
    );
  }
  yield sealChunk(key, digest, { index, size }, Buffer.concat(pending));
}
