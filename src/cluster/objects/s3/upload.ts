import { formatBytes } from "../../../config/mod.ts";
import { CHUNK_BYTES } from "../codec.ts";
import type { S3Client } from "./client.ts";
import { S3Error } from "./client.ts";
import { textOf } from "./xml.ts";

/** Bytes of a part, unless the object needs larger parts; S3 accepts no part below 5 MiB but the last. */
export const PART_BYTES = 8 * 1024 * 1024;
/** Parts that S3 accepts for one object. */
export const PARTS_MAX = 10_000;
/** Bytes of the largest parts, which objects of 1 TiB need: four of them fit into the memory of uploads. */
const PART_BYTES_MAX = 128 * 1024 * 1024;

/** What becomes an object. */
export interface UploadContent {
  /** Bytes. */
  readonly size: number;
  /** The content from its begin; it throws before or after its last byte if it is not what it must be. */
  bytes(): AsyncIterable<Uint8Array>;
}

/**
 * Bytes of each part of an object but the last: all parts fit into {@link PARTS_MAX}.
 * @param size bytes of the object
 * @throws RangeError for an object that needs parts above {@link PART_BYTES_MAX}
 */
export function partBytesFor(size: number): number {
  const needed = Math.ceil(size / PARTS_MAX / CHUNK_BYTES) * CHUNK_BYTES;
  if (needed <= PART_BYTES_MAX) return Math.max(PART_BYTES, needed);
  throw new RangeError(
    `An object of ${
      formatBytes(size)
    } is too large for S3: it has more than ${PARTS_MAX} parts of ` +
      formatBytes(PART_BYTES_MAX),
  );
}

/**
 * Stores an object, which exists once all of its content has arrived.
 * @param signedAt from 15 minutes after this time on, S3 does not accept the object, which is sent at once then
 * @throws S3Error, ObjectsUnavailable, RangeError
 */
export async function upload(
  client: S3Client,
  key: string,
  content: UploadContent,
  signedAt?: Date,
): Promise<void> {
  const { size } = content;
  if (size > PART_BYTES && signedAt === undefined) {
    return await inParts(client, key, content);
  }
  for await (const whole of partsOf(content, size)) await client.put(key, whole, signedAt);
}

async function inParts(client: S3Client, key: string, content: UploadContent): Promise<void> {
  const partBytes = partBytesFor(content.size);
  using _memory = await client.parts.take(partBytes, new AbortController().signal);
  const parts = partsOf(content, partBytes);
  const begun = await client.request(key, { method: "POST", query: { uploads: "" } });
  const uploadId = textOf(new TextDecoder().decode(begun.body), "UploadId");
  if (uploadId === undefined) throw new S3Error(begun.status, "upload without an id", undefined);
  try {
    const tags = await sendParts(client, key, uploadId, parts);
    await complete(client, key, { uploadId, tags, size: content.size });
  } catch (error) {
    // Parts of an upload without an end use space, and no list of objects shows them.
    await client.request(key, { method: "DELETE", query: { uploadId } }).catch(() => {});
    throw error;
  }
}

/** @returns the ETags of the parts, in order */
async function sendParts(
  client: S3Client,
  key: string,
  uploadId: string,
  parts: AsyncIterable<Uint8Array<ArrayBuffer>>,
): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const body of parts) {
    const query = { partNumber: String(tags.length + 1), uploadId };
    const { headers, status } = await client.request(key, { method: "PUT", query, body });
    const tag = headers.get("etag") ?? "";
    if (!/^"?[\w-]+"?$/.test(tag)) throw new S3Error(status, "part without an ETag", undefined);
    tags.push(tag);
  }
  return tags;
}

/** Joins the parts to the object. */
async function complete(
  client: S3Client,
  key: string,
  { uploadId, tags, size }: {
    readonly uploadId: string;
    readonly tags: readonly string[];
    readonly size: number;
  },
): Promise<void> {
  const list = tags.map((tag, at) =>
    `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`
  );
  const body = new TextEncoder().encode(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      list.join("")
    }</CompleteMultipartUpload>`,
  );
  try {
    await client.request(key, {
      method: "POST",
      query: { uploadId },
      body,
      // S3 sends the status before it joins the parts: an answer without this element is no success.
      expected: "<CompleteMultipartUploadResult",
    });
  } catch (error) {
    // The answer to an earlier attempt was lost: the upload has become the object.
    if (!(error instanceof S3Error) || error.code !== "NoSuchUpload") throw error;
    const { objects } = await client.list(key);
    if (!objects.some((object) => object.key === key && object.size === size)) throw error;
  }
}

/**
 * Cuts a content into parts of one size, but the last; an empty content has one empty part.
 * @throws RangeError for a content of another size
 */
async function* partsOf(
  { size, bytes }: UploadContent,
  partBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let rest = size;
  let part = new Uint8Array(Math.min(rest, partBytes));
  let filled = 0;
  for await (const piece of bytes()) {
    for (let at = 0; at < piece.length;) {
      // Not before the next byte: the content may throw after its last byte.
      if (filled === part.length) {
        if (filled === rest) {
          throw new RangeError(`A content is longer than its ${formatBytes(size)}`);
        }
        yield part;
        rest -= filled;
        part = new Uint8Array(Math.min(rest, partBytes));
        filled = 0;
      }
      const taken = piece.subarray(at, at + part.length - filled);
      part.set(taken, filled);
      filled += taken.length;
      at += taken.length;
    }
  }
  if (filled !== rest) throw new RangeError(`A content is shorter than its ${formatBytes(size)}`);
  yield part;
}
