/** What the two kinds of object store have in common. */
import type { ObjectBucket } from "../../shared/objects.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import type { Admit } from "./chunk_source.ts";

/**
 * Who stores content: API nodes, or a copy or a restore that prepares their store. A repeated copy has the same id, and a
 * copy into another database has another id.
 */
export type StoreUser = { readonly kind: "API node" } | {
  readonly kind: "copy";
  readonly id: string;
};

/** What an object store must offer to nodes and workers. */
export interface OpenedStore {
  readonly commits: ObjectBucket;
  readonly volumes: ObjectBucket;
  /** A sealed chunk of an object of commits, for a worker. @throws ObjectError, ObjectsUnavailable */
  chunkOf(digest: string, index: number, admit: Admit): Promise<Uint8Array>;
  /** Repairs the buckets after an outage. @throws ObjectsUnavailable */
  reopen(): Promise<void>;
  /** Checks that the content is that of the installation with this key. */
  claim(root: Uint8Array): Promise<void>;
  /**
   * Notes who uses the store. Of several copies, the store accepts one: databases with one key in one store would delete
   * each other's contents.
   * @throws ObjectsUnavailable; NatsUnusable or ObjectStoreUnusable for a second copy
   */
  mark(user: StoreUser): Promise<void>;
  /** Of the objects of commits; undefined if workers need no URLs. */
  readonly urls: ObjectUrls | undefined;
}

/** Where workers read objects. */
export interface ObjectUrls {
  /**
   * Looks for an object: the content may have been stored again, under another URL.
   * @returns a URL of the content, for seven days; undefined if the object is missing
   * @throws ObjectsUnavailable
   */
  findUrl(digest: string): Promise<string | undefined>;
  /** @param listener called with the digest when this node has stored or deleted the content of an object */
  onMoved(listener: (digest: string) => void): void;
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
