/** The object store of a cluster: blobs of commits and of volumes, encrypted, in NATS JetStream or in S3. */
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { S3Address, S3Keys } from "../../config/mod.ts";
import { NatsBucket } from "./bucket.ts";
import { ChunkCache } from "./chunk_cache.ts";
import { KEY_BYTES, objectKey } from "./codec.ts";
import { assertJetStream, assertMessageSize, markAccount } from "./account.ts";
import { onNats } from "./failures.ts";
import { COMMITS_BUCKET, VOLUMES_BUCKET } from "./layout.ts";
import { type Grant, Grants } from "./grants.ts";
import type { BucketParts, OpenedStore, StoreUser } from "./opened_store.ts";
import { openS3 } from "./s3/store.ts";
import { create, SpaceProbe } from "./space_probe.ts";

interface ObjectsOptions {
  /** The directory for chunks that were read, which nothing else uses, and the limit of their size. */
  readonly cacheDir: string;
  readonly cacheBytes: number;
  /** Names this node; unique among all that run. */
  readonly node: string;
  readonly store: JetStreamStore | S3Store;
}

interface JetStreamStore {
  readonly kind: "jetstream";
  readonly nats: NatsConnection;
  /** Copies of new buckets in a cluster of NATS. */
  readonly replicas: number;
  /** Ends the wait for enough servers of NATS. */
  readonly stopping: AbortSignal;
}

interface S3Store {
  readonly kind: "s3";
  readonly address: S3Address;
  /** Undefined if the environment has none. */
  readonly keys: S3Keys | undefined;
}

/** The buckets of an API node. They close what they opened; the connection to NATS stays open. */
export interface Objects extends Omit<OpenedStore, "claim" | "urls">, AsyncDisposable {
  /** Creates the buckets again if NATS has lost them. @throws ObjectsUnavailable */
  reopen(): Promise<void>;
  /**
   * Marks the store as used: no other installation is copied into the store of API nodes, and a repeated copy continues.
   * Called before the first object is written. @throws ObjectsUnavailable
   */
  mark(user: StoreUser): Promise<void>;
  /**
   * Takes the key from which the keys of all objects are derived. Needed before the first object is read or written: it
   * is in the database, which is opened after the buckets.
   * @throws ObjectStoreUnusable if the store has the content of another installation
   */
  unlock(root: Uint8Array): Promise<void>;
  /** What a worker needs to read the object of an artifact. */
  grantOf(digest: string): Promise<Grant>;
}

/**
 * Opens the buckets; NATS gets the buckets that it lacks.
 * @throws ObjectsUnavailable, ObjectStoreUnusable, NatsUnusable
 */
export async function openBuckets(
  { cacheDir, cacheBytes, node, store }: ObjectsOptions,
): Promise<Objects> {
  await using opened = new AsyncDisposableStack();
  let key: Uint8Array | undefined;
  let user: StoreUser | undefined;
  const keyOf = (digest: string) => {
    if (key === undefined) throw new Error("The root key of objects is not known");
    return objectKey(key, digest);
  };
  const cache = opened.use(await ChunkCache.open(cacheDir, cacheBytes));
  const parts = { cache, node, keyOf, opened };
  const { claim, urls, ...buckets } = store.kind === "s3"
    ? await openS3(store, parts)
    : await openJetStream(store, parts);
  const grants = new Grants(keyOf, urls);
  const closing = opened.move();
  return {
    ...buckets,
    reopen: async () => {
      await buckets.reopen();
      if (user !== undefined) await buckets.mark(user);
    },
    mark: async (given) => {
      user = given;
      await buckets.mark(given);
    },
    unlock: async (root) => {
      if (root.length !== KEY_BYTES) {
        throw new RangeError(
          `Invalid root key of ${root.length} bytes: it must have ${KEY_BYTES}`,
        );
      }
      key = root;
      await claim(root);
    },
    grantOf: (digest) => grants.of(digest),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function openJetStream(
  { nats, replicas, stopping }: JetStreamStore,
  { opened, ...parts }: BucketParts,
): Promise<OpenedStore> {
  assertJetStream(nats);
  assertMessageSize(nats);
  const probe = await onNats(() => SpaceProbe.open(nats, replicas, stopping));
  const options = { ...parts, replicas, probe };
  const manager = await onNats(() => jetstreamManager(nats));
  const open = async (name: string) => {
    const bucket = opened.use(new NatsBucket(nats, manager, name, options));
    await bucket.create();
    return bucket;
  };
  const commits = await open(COMMITS_BUCKET);
  const volumes = await open(VOLUMES_BUCKET);
  return {
    commits,
    volumes,
    chunkOf: (digest, index, admit) => commits.chunk(digest, index, admit),
    reopen: async () => {
      await onNats(() => create(nats, replicas));
      await commits.create();
      await volumes.create();
    },
    // Each record names its key.
    claim: () => Promise.resolve(),
    mark: (user) => onNats(() => markAccount(nats, user)),
    urls: undefined,
  };
}
