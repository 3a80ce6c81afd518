import type { NatsConnection } from "@nats-io/transport-node";
import { ObjectError } from "../../shared/objects.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { COMMITS_BUCKET } from "./layout.ts";
import { ObjectReader } from "./reader.ts";
import { S3Chunks } from "./s3/chunks.ts";
import { getByUrl } from "./s3/client.ts";
import { streamChunks } from "./stream_chunks.ts";

/** Opens readers of artifacts for a worker: by the URL of a grant, without a URL from the object store of NATS. */
export async function artifactReaders(
  nats: NatsConnection,
  cache: ChunkCache,
): Promise<(url: string | undefined) => ObjectReader> {
  const ofNats = new ObjectReader(COMMITS_BUCKET, await streamChunks(nats, COMMITS_BUCKET), cache);
  return (url) => {
    if (url === undefined) return ofNats;
    const read = (range: string, maxBytes: number) => getByUrl(url, range, maxBytes);
    const chunksOf = (digest: string) =>
      new S3Chunks(read, () => new ObjectError(COMMITS_BUCKET, digest, "is missing"));
    return new ObjectReader(COMMITS_BUCKET, chunksOf, cache);
  };
}
