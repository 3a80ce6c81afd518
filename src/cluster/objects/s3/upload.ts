import { Buffer } from "node:buffer";
import type { ObjectContent } from "../../../shared/objects.ts";
import { sealContent, sealedSize } from "../codec.ts";
import type { S3Client } from "./client.ts";
import { S3Error } from "./client.ts";
import { textOf } from "./xml.ts";

/** Bytes of a part of a large object, which is in memory while it is sent; S3 accepts no part below 5 MiB but the last. */
export const PART_BYTES = 8 * 1024 * 1024;

/** Sends the sealed content of an object, which exists once all of it has arrived. @throws S3Error, ObjectsUnavailable */
export async function upload(
  client: S3Client,
  key: string,
  content: ObjectContent,
  objectKey: Uint8Array,
): Promise<void> {
  const parts = partsOf(sealContent(objectKey, content));
  if (sealedSize(content.size) <= PART_BYTES) {
    for await (const whole of parts) await client.put(key, whole);
    return;
  }
  const begun = await client.request(key, { method: "POST", query: { uploads: "" } });
  const uploadId = textOf(new TextDecoder().decode(begun.body), "UploadId");
  if (uploadId === undefined) throw new S3Error(begun.status, "upload without an id", undefined);
  try {
    await sendParts(client, key, uploadId, parts);
  } catch (error) {
    // Parts of an upload without an end use space, and no list of objects shows them.
    await client.request(key, { method: "DELETE", query: { uploadId } }).catch(() => {});
    throw error;
  }
}

async function sendParts(
  client: S3Client,
  key: string,
  uploadId: string,
  parts: AsyncIterable<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const tags: string[] = [];
  for await (const body of parts) {
    const query = { partNumber: String(tags.length + 1), uploadId };
    const { headers, status } = await client.request(key, { method: "PUT", query, body });
    const tag = headers.get("etag") ?? "";
    if (!/^"?[\w-]+"?$/.test(tag)) throw new S3Error(status, "part without an ETag", undefined);
    tags.push(tag);
  }
  const list = tags.map((tag, at) =>
    `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`
  );
  const body = new TextEncoder().encode(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      list.join("")
    }</CompleteMultipartUpload>`,
  );
  const { body: answer, status } = await client.request(key, {
    method: "POST",
    query: { uploadId },
    body,
  });
  // S3 sends the status before the end of the work: an error then is in the body.
  const code = textOf(new TextDecoder().decode(answer), "Code");
  if (code !== undefined) throw new S3Error(status, code, undefined);
}

/** Joins sealed chunks into parts. */
async function* partsOf(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    if (size + chunk.length > PART_BYTES) {
      yield Uint8Array.from(Buffer.concat(pending));
      [pending, size] = [[], 0];
    }
    pending.push(chunk);
    size += chunk.length;
  }
  yield Uint8Array.from(Buffer.concat(pending));
}
