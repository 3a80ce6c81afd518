import type { VolumeReader } from "../volumes.ts";
import { BlobError } from "./blob_error.ts";
import type { Digest } from "./commit_blobs.ts";
import { SMALL_BLOB_BYTES_MAX } from "./staged_blob.ts";
import { assertContent } from "./verified.ts";
import { type BlobReader, memoryReader } from "./volume_blobs.ts";

/** Names small blobs in errors: their table in the database. */
const SMALL_BLOBS = "small_contents";

/**
 * Opens a small blob that is a row; undefined for any other. Its row is read and checked.
 * @throws BlobError
 */
export async function smallBlob(
  volumes: Pick<VolumeReader, "smallBlob">,
  digest: Digest,
  size: number,
): Promise<BlobReader | undefined> {
  if (size > SMALL_BLOB_BYTES_MAX) return undefined;
  const content = await volumes.smallBlob(digest);
  if (content === undefined) return undefined;
  const damaged = (what: string) => new BlobError(SMALL_BLOBS, digest, what);
  return memoryReader(assertContent(content, digest, damaged));
}
