/** The object store of a cluster: blobs of commits and of volumes, encrypted, in NATS JetStream or in S3. */
import type { NatsConnection } from "@nats-io/transport-node";
import type { S3Address, S3Keys } from "../../config/mod.ts";
import type { ObjectBucket } from "../../shared/objects.ts";
import { NatsBucket } from "./bucket.ts";
import { ChunkCache } from "./chunk_cache.ts";
import type { Admit } from "./chunk_source.ts";
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
export class Objects implements AsyncDisposable {
  readonly #store: OpenedStore;
  readonly #keys: ObjectKeys;
  readonly #grants: Grants;
  readonly #opened: AsyncDisposableStack;
  #user: StoreUser | undefined;

  private constructor(store: OpenedStore, keys: ObjectKeys, opened: AsyncDisposableStack) {
    this.#store = store;
    this.#keys = keys;
    this.#grants = new Grants((digest) => keys.keyOf(digest), store.urls);
    this.#opened = opened;
  }

  /**
   * Opens the buckets; NATS gets the buckets that it lacks.
   * @throws ObjectsUnavailable, ObjectStoreUnusable, NatsUnusable
   */
  static async open({ cacheDir, cacheBytes, node, store }: ObjectsOptions): Promise<Objects> {
    await using opened = new AsyncDisposableStack();
    const keys = new ObjectKeys();
    const cache = opened.use(await ChunkCache.open(cacheDir, cacheBytes));
    const parts = { cache, node, keyOf: (digest: string) => keys.keyOf(digest), opened };
    const buckets = store.kind === "s3"
      ? await openS3(store, parts)
      : await openJetStream(store, parts);
    return new Objects(buckets, keys, opened.move());
  }

  get commits(): ObjectBucket {
    return this.#store.commits;
  }

  get volumes(): ObjectBucket {
    return this.#store.volumes;
  }

  /** Creates the buckets again if NATS has lost them. @throws ObjectsUnavailable */
  async reopen(): Promise<void> {
    await this.#store.reopen();
    if (this.#user !== undefined) await this.mark(this.#user);
  }

  /**
   * Marks the store as used: no other installation is copied into the store of API nodes, and a repeated copy continues.
   * Called before the first object is written. @throws ObjectsUnavailable
   */
  async mark(user: StoreUser): Promise<void> {
    this.#user = user;
    await this.#store.mark(user);
  }

  /**
   * Takes the key from which the keys of all objects are derived. Needed before the first object is read or written.
   * @throws ObjectStoreUnusable if the store has the content of another installation
   */
  async unlock(root: Uint8Array): Promise<void> {
    this.#keys.root = root;
    await this.#store.claim(root);
  }

  /** What a worker needs to read the object of an artifact. */
  grantOf(digest: string): Promise<Grant> {
    return this.#grants.of(digest);
  }

  /**
   * A sealed chunk of the object of an artifact.
   * @param admit does what reads from the object store
   * @throws ObjectError, ObjectsUnavailable
   */
  chunkOf(digest: string, index: number, admit: Admit): Promise<Uint8Array> {
    return this.#store.chunkOf(digest, index, admit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

async function openJetStream(
  { nats, replicas, stopping }: JetStreamStore,
  { opened, ...parts }: BucketParts,
): Promise<OpenedStore> {
  assertJetStream(nats);
  assertMessageSize(nats);
  const probe = await onNats(() => SpaceProbe.open(nats, replicas, stopping));
  const options = { ...parts, replicas, probe };
  const commits = opened.use(await NatsBucket.open(nats, COMMITS_BUCKET, options));
  const volumes = opened.use(await NatsBucket.open(nats, VOLUMES_BUCKET, options));
  return {
    commits,
    volumes,
    chunkOf: (digest, index, admit) => commits.chunk(digest, index, admit),
    reopen: async () => {
      await onNats(() => create(nats, replicas));
      await commits.reopen();
      await volumes.reopen();
    },
    // Each record names its key.
    claim: () => Promise.resolve(),
    mark: (user) => onNats(() => markAccount(nats, user)),
    urls: undefined,
  };
}

/** The keys of objects, once their root is known: it is in the database, which is opened after the buckets. */
class ObjectKeys {
  #root: Uint8Array | undefined;

  set root(root: Uint8Array) {
    if (root.length !== KEY_BYTES) {
      throw new RangeError(
        `Invalid root key of ${root.length} bytes: it must have ${KEY_BYTES}`,
      );
    }
    this.#root = root;
  }

  keyOf(digest: string): Uint8Array {
    if (this.#root === undefined) {
      throw new Error("The root key of objects is not known");
    }
    return objectKey(this.#root, digest);
  }
}
