import { join } from "node:path";
import type { Nats } from "../cluster/nats/connection.ts";
import type { Objects } from "../cluster/objects/mod.ts";
import { type Config, differingParameters, formatObjectStore } from "../config/mod.ts";
import { checkServerKeys, objectRootKey } from "../domain/identity/server_keys.ts";
import { assertSpeaks, type NodeSpec } from "../domain/ownership/leased_node.ts";
import { openStore, type Store } from "../store/mod.ts";
import type { PostgresOptions } from "../store/postgres/address.ts";
import type { Sealer } from "../store/sealing.ts";
import type { Telemetry } from "../telemetry/contract.ts";

/**
 * The blobs of a cluster.
 * @param node names this process; unique among all that run
 * @param stopping ends the wait for enough servers of NATS
 */
export async function openObjects(
  { server, nats: settings }: Config,
  nats: Nats,
  node: string,
  stopping = new AbortController().signal,
): Promise<Objects> {
  const { openBuckets } = await import("../cluster/objects/mod.ts");
  const { objects: address, environmentS3Keys: keys, objectReplicas: replicas } = settings;
  const objects = await openBuckets({
    cacheDir: join(server.dataDir, "cache", "objects"),
    cacheBytes: settings.objectCacheBytes,
    node,
    store: address.kind === "s3"
      ? { kind: "s3", address, keys }
      : { kind: "jetstream", nats: nats.connection, replicas, stopping },
  });
  nats.onReconnected(() => objects.reopen());
  return objects;
}

/** The parts with which the records of a server are opened. */
interface RecordsParts {
  readonly sealer: Sealer;
  /** Undefined for a server without NATS: it is alone on its database, and has its blobs on disk. */
  readonly nats: Nats | undefined;
  /** This process among the nodes; its id is unique among all that run. */
  readonly node: NodeSpec;
  readonly onSyncFailure: (error: Error) => void;
  readonly telemetry: Pick<Telemetry, "storeSynced">;
  /** Ends a start that waits. */
  readonly stopping: AbortSignal;
}

/** The records of a server. */
export interface Records {
  readonly store: Store;
  /** The blobs of a cluster; undefined for a server without NATS. */
  readonly objects: Objects | undefined;
}

/** A server on SQLite loads nothing of PostgreSQL. */
async function postgresOptions(
  config: Config,
  nats: Nats | undefined,
): Promise<PostgresOptions | undefined> {
  if (config.database.url === undefined) return undefined;
  const { postgresOptionsOf } = await import("../store/postgres/address.ts");
  return postgresOptionsOf(config, { exclusive: nats === undefined });
}

/**
 * All nodes of a database have their content in the same object store, which the first node chooses.
 * @param unlock rejects a store that this installation cannot use, before the database is bound to the store
 * @throws Error that names both stores
 */
export async function shareStore(
  store: Store,
  address: string,
  unlock: () => Promise<void>,
): Promise<void> {
  const { objectStores } = store.read;
  assertShared(await objectStores.address() ?? address, address);
  await unlock();
  await store.write((tx) => tx.objectStores.setOnce(address));
  // Another node may have been first.
  assertShared(await objectStores.address(), address);
}

function assertShared(shared: string | undefined, address: string): void {
  if (shared === address) return;
  const differing = differingParameters(shared ?? "", address);
  const cause = differing.length === 0 ? "" : `, with another ${differing.join(" and another ")}`;
  throw new Error(
    `this node cannot join the API nodes of the database: their content is in the object store ${shared}, and ` +
      `--objects of this node is ${address}${cause}; start with --objects ${shared}, or restore a backup to move the content`,
  );
}

/** Opens the store; with NATS its blobs are objects. `opened` closes what this opens. */
export async function openRecords(
  config: Config,
  { sealer, nats, node, onSyncFailure, telemetry, stopping }: RecordsParts,
  opened: AsyncDisposableStack,
): Promise<Records> {
  const { objects: address, environmentS3Keys } = config.nats;
  if (nats !== undefined && address.kind === "s3") {
    (await import("../cluster/objects/s3/store.ts")).assertLasting(address, environmentS3Keys);
    // A worker whose job has no URL gets artifacts by NATS.
    (await import("../cluster/objects/account.ts")).assertMessageSize(nats.connection);
  }
  const objects = nats === undefined
    ? undefined
    : opened.use(await openObjects(config, nats, node.id, stopping));
  const store = opened.use(
    await openStore(config.server.dataDir, {
      onSyncFailure,
      onSync: (durationMs) => telemetry.storeSynced(durationMs),
      checkKeys: (keys) => checkServerKeys(keys, sealer),
      checkNodes: nats === undefined ? undefined : (live) => assertSpeaks(live, node),
      postgres: await postgresOptions(config, nats),
      objects,
    }),
  );
  if (objects !== undefined) {
    const unlock = async () => await objects.unlock(await objectRootKey(store, sealer));
    await shareStore(store, formatObjectStore(address), unlock);
    await objects.mark({ kind: "API node" });
  }
  return { store, objects };
}
