import { ObjectError } from "../../shared/objects.ts";
import type { Nats } from "../nats/connection.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { COMMITS_BUCKET } from "./layout.ts";
import { NodeChunks, requestSlots } from "./node_chunks.ts";
import { ObjectReader } from "./reader.ts";
import { S3Chunks } from "./s3/chunks.ts";
import { getByUrl } from "./s3/client.ts";

/**
 * Opens the reader of one artifact.
 * @param url of the grant; undefined if API nodes send the artifact
 * @param signal ends all requests
 */
export type OpenReader = (url: string | undefined, signal: AbortSignal) => ObjectReader;

/** Opens readers of artifacts for a worker: by the URL of a grant, without a URL from API nodes. */
export function artifactReaders(nats: Nats, cache: ChunkCache): OpenReader {
  const slots = requestSlots();
  return (url, signal) => {
    const chunksOf = (digest: string) =>
      url === undefined ? new NodeChunks(nats, slots, digest, signal) : new S3Chunks(
        (range, maxBytes) => getByUrl(url, range, maxBytes, signal),
        () => new ObjectError(COMMITS_BUCKET, digest, "is missing"),
      );
    return new ObjectReader(COMMITS_BUCKET, chunksOf, cache);
  };
}
