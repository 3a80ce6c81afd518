/** What the two kinds of object store have in common. */
import type { ObjectBucket } from "../../shared/objects.ts";
import type { ChunkCache } from "./chunk_cache.ts";

/** Who stores content: API nodes, or a copy or a restore that prepares their store. */
export type StoreUser = "API node" | "copy";

/** What an object store must offer to nodes and workers. */
export interface OpenedStore {
  readonly commits: ObjectBucket;
  readonly volumes: ObjectBucket;
  /** Repairs the buckets after an outage. @throws ObjectsUnavailable */
  reopen(): Promise<void>;
  /** Checks that the content is that of the installation with this key. */
  claim(root: Uint8Array): Promise<void>;
  /** Notes who uses the store. @throws ObjectsUnavailable */
  mark(user: StoreUser): Promise<void>;
  /** Looks where a worker reads an object of a commit, which may be missing; undefined if workers need no URLs. */
  readonly findUrl: ((digest: string) => Promise<string | undefined>) | undefined;
}

/** What buckets need of the store. */
export interface BucketParts {
  readonly cache: ChunkCache;
  readonly node: string;
  /** The key of an object by its digest. */
  readonly keyOf: (digest: string) => Uint8Array;
  /** Closes what the store opens. */
  readonly opened: AsyncDisposableStack;
}
