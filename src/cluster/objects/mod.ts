/** Objects in NATS JetStream: blobs of commits and of volumes, encrypted. */
import type { NatsConnection } from "@nats-io/transport-node";
import { NatsBucket } from "./bucket.ts";
import { ChunkCache } from "./chunk_cache.ts";
import { KEY_BYTES, objectKey } from "./codec.ts";
import { markAccount } from "./account.ts";
import { onNats } from "./failures.ts";
import { COMMITS_BUCKET } from "./layout.ts";
import { create, SpaceProbe } from "./space_probe.ts";

const VOLUMES_BUCKET = "invoked_volumes";

interface ObjectsOptions {
  /** The directory for chunks that were read, which nothing else uses, and the limit of their size. */
  readonly cacheDir: string;
  readonly cacheBytes: number;
  /** Names this node; unique among all that run. */
  readonly node: string;
  /** Copies of new buckets in a cluster of NATS. */
  readonly replicas: number;
}

/** The buckets of an API node. They close what they opened; the connection stays open. */
export class Objects implements AsyncDisposable {
  readonly commits: NatsBucket;
  readonly volumes: NatsBucket;
  readonly #keys: ObjectKeys;
  readonly #opened: AsyncDisposableStack;
  #isMarked = false;

  private constructor(
    buckets: { readonly commits: NatsBucket; readonly volumes: NatsBucket },
    private readonly nats: NatsConnection,
    private readonly replicas: number,
    keys: ObjectKeys,
    opened: AsyncDisposableStack,
  ) {
    this.commits = buckets.commits;
    this.volumes = buckets.volumes;
    this.#keys = keys;
    this.#opened = opened;
  }

  /** Opens the buckets, and creates missing buckets. @throws ObjectsUnavailable */
  static async open(
    nats: NatsConnection,
    { cacheDir, cacheBytes, node, replicas }: ObjectsOptions,
  ): Promise<Objects> {
    await using opened = new AsyncDisposableStack();
    const keys = new ObjectKeys();
    const cache = opened.use(await ChunkCache.open(cacheDir, cacheBytes));
    const probe = await onNats(() => SpaceProbe.open(nats, replicas));
    const options = { keyOf: (digest: string) => keys.keyOf(digest), cache, node, replicas, probe };
    const commits = opened.use(await NatsBucket.open(nats, COMMITS_BUCKET, options));
    const volumes = opened.use(await NatsBucket.open(nats, VOLUMES_BUCKET, options));
    return new Objects({ commits, volumes }, nats, replicas, keys, opened.move());
  }

  /** Creates the buckets again if NATS has lost them. @throws ObjectsUnavailable */
  async reopen(): Promise<void> {
    await onNats(() => create(this.nats, this.replicas));
    await this.commits.reopen();
    await this.volumes.reopen();
    if (this.#isMarked) await this.mark();
  }

  /** Marks the account as that of an installation, so that no other one is copied into it. @throws ObjectsUnavailable */
  async mark(): Promise<void> {
    this.#isMarked = true;
    await onNats(() => markAccount(this.nats));
  }

  /**
   * Takes the key from which the keys of all objects are derived. Needed before the first object is read or written.
   */
  unlock(root: Uint8Array): void {
    this.#keys.root = root;
  }

  /** The key of one object, for a worker that may read the object. */
  keyOf(digest: string): Uint8Array {
    return this.#keys.keyOf(digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
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
