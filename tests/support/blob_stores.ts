/** Stores whose blobs are on disk or in the object store, for suites that run on both. */
import type { NatsConnection } from "@nats-io/transport-node";
import { randomUUID } from "node:crypto";
import { Objects } from "../../src/cluster/objects/mod.ts";
import { openStore, type Store } from "../../src/store/mod.ts";
import { makeTempDir } from "./invoked.ts";
import { TestNats } from "./nats.ts";
import { connectNats } from "../../src/cluster/nats/transport.ts";

/** The same for all nodes of one test. */
const ROOT_KEY = new Uint8Array(32).fill(7);

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
}

async function onDisk(): Promise<OpenStore> {
  const opened = new Opened();
  const { path } = opened.use(await makeTempDir());
  const store = opened.use(await openStore(path));
  return { store, dataDir: path, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

async function inObjectStore(): Promise<OpenStore> {
  const opened = new Opened();
  const nats = opened.use(await TestNats.start());
  const { path } = opened.use(await makeTempDir());
  const { objects } = opened.use(await openNode(nats));
  const store = opened.use(
    await openStore(path, { onSyncFailure() {}, checkKeys() {}, objects }),
  );
  return { store, dataDir: path, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

/** Both kinds of store, by name. */
export const STORES: Readonly<Record<string, () => Promise<OpenStore>>> = {
  "on disk": onDisk,
  "in the object store": inObjectStore,
};

interface OpenNode extends AsyncDisposable {
  readonly objects: Objects;
  readonly connection: NatsConnection;
  readonly cacheDir: string;
}

/** The buckets of one more API node. */
export async function openNode(
  nats: TestNats,
  { cacheBytes = CACHE_BYTES }: { cacheBytes?: number } = {},
): Promise<OpenNode> {
  const opened = new Opened();
  const { path } = opened.use(await makeTempDir());
  const connection = await connectNats({
    ...nats.address.client,
    maxReconnectAttempts: -1,
  });
  opened.defer(() => connection.close());
  const objects = opened.use(
    await Objects.open(connection, {
      cacheDir: path,
      cacheBytes,
      node: randomUUID(),
      replicas: 1,
    }),
  );
  objects.unlock(ROOT_KEY);
  return {
    objects,
    connection,
    cacheDir: path,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
