/** Stores whose blobs are on disk or in the object store, for suites that run on both. */
import type { NatsConnection } from "@nats-io/transport-node";
import { randomUUID } from "node:crypto";
import { type Objects, openBuckets } from "../../src/cluster/objects/mod.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { makeTempDir } from "./invoked.ts";
import { TestNats } from "./nats.ts";
import { S3_KEYS, sharedS3 } from "./s3.ts";
import type { S3Address, S3Keys } from "../../src/config/mod.ts";
import { connectNats } from "../../src/cluster/nats/transport.ts";

/** The same for all nodes of one test. */
const ROOT_KEY = new Uint8Array(32).fill(7);

/** S3 knows times in whole seconds, rounded up or down. */
const S3_CLOCK_STEP_MS = 2_100;

const CACHE_BYTES = 64 * 1024 * 1024;

/** What a test opened, in the reverse of this order closed. */
class Opened implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();

  use<T extends AsyncDisposable>(value: T): T {
    return this.#stack.use(value);
  }

  defer(close: () => Promise<void>): void {
    this.#stack.defer(close);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

interface OpenStore extends AsyncDisposable {
  readonly store: Store;
  readonly dataDir: string;
  /** How exactly the store knows when something was stored. */
  readonly clockStepMs: number;
}

async function onDisk(): Promise<OpenStore> {
  const opened = new Opened();
  const { path } = opened.use(await makeTempDir());
  const store = opened.use(await openStore(path));
  return {
    store,
    dataDir: path,
    clockStepMs: 20,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function inObjectStore(
  open: (opened: Opened) => Promise<OpenObjects>,
  clockStepMs: number,
): Promise<OpenStore> {
  const opened = new Opened();
  const { path } = opened.use(await makeTempDir());
  const { objects } = opened.use(await open(opened));
  const store = opened.use(
    await openStore(path, { onSyncFailure() {}, checkKeys() {}, objects }),
  );
  return {
    store,
    dataDir: path,
    clockStepMs,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** All kinds of store, by name. */
export const STORES: Readonly<Record<string, () => Promise<OpenStore>>> = {
  "on disk": onDisk,
  "in the object store of NATS": () =>
    inObjectStore(async (opened) => await openNode(opened.use(await TestNats.start())), 20),
  "in S3": () =>
    inObjectStore(async () => await openS3Node((await sharedS3()).address()), S3_CLOCK_STEP_MS),
};

export interface OpenObjects extends AsyncDisposable {
  readonly objects: Objects;
  readonly cacheDir: string;
}

interface OpenNode extends OpenObjects {
  readonly connection: NatsConnection;
}

/** The buckets in S3 of one more API node. */
export async function openS3Node(
  address: S3Address,
  { root = ROOT_KEY, ...given }: { keys?: S3Keys | undefined; root?: Uint8Array } = {},
): Promise<OpenObjects> {
  const opened = new Opened();
  const { path } = opened.use(await makeTempDir());
  try {
    const objects = opened.use(
      await openBuckets({
        cacheDir: path,
        cacheBytes: CACHE_BYTES,
        node: randomUUID(),
        store: { kind: "s3", address, keys: "keys" in given ? given.keys : S3_KEYS },
      }),
    );
    await objects.unlock(root);
    return { objects, cacheDir: path, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** The buckets of one more API node. */
export async function openNode(
  nats: TestNats,
  { cacheBytes = CACHE_BYTES, replicas = 1 }: { cacheBytes?: number; replicas?: number } = {},
): Promise<OpenNode> {
  const opened = new Opened();
  const { path } = opened.use(await makeTempDir());
  const connection = await connectNats({
    ...nats.address.client,
    maxReconnectAttempts: -1,
  });
  opened.defer(() => connection.close());
  const objects = opened.use(
    await openBuckets({
      cacheDir: path,
      cacheBytes,
      node: randomUUID(),
      store: {
        kind: "jetstream",
        nats: connection,
        replicas,
        stopping: new AbortController().signal,
      },
    }),
  );
  await objects.unlock(ROOT_KEY);
  return {
    objects,
    connection,
    cacheDir: path,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
