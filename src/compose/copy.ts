/** Copies an installation into PostgreSQL, with its blobs into the object store or another data directory. */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { Nats } from "../cluster/nats/connection.ts";
import { NatsUnusable, permitted } from "../cluster/nats/errors.ts";
import { accountUse, FREE_ACCOUNT } from "../cluster/objects/account.ts";
import { assertUnusedS3 } from "../cluster/objects/s3/store.ts";
import { type Config, formatObjectStore } from "../config/mod.ts";
import { checkServerKeys, objectRootKey } from "../domain/identity/server_keys.ts";
import { type ObjectBuckets, prepareBlobs } from "../store/blobs/mod.ts";
import { type BlobCopies, copyBlobs } from "../store/copy/blobs.ts";
import { assertEmpty, type CopiedTable, copyTables, databaseId } from "../store/copy/tables.ts";
import { type DataDir, DataDirError, openDataDir } from "../store/data_dir.ts";
import { fileContentLock } from "../store/content_lock.ts";
import { databaseOf } from "../store/data_use.ts";
import { masterKeyFileOf } from "../store/master_key.ts";
import { migrateDatabase } from "../store/migrate_database.ts";
import { openStore, type Store } from "../store/mod.ts";
import { type PostgresOptions, postgresOptionsOf } from "../store/postgres/address.ts";
import type { Sealer } from "../store/sealing.ts";
import { DamageLog } from "../store/damage.ts";
import { StorageHealth } from "../store/storage_health.ts";
import { exists } from "../shared/files.ts";
import { openTempDir } from "../shared/temp_dir.ts";
import { openObjects, shareStore } from "./records.ts";
import { openSealer } from "./sealer.ts";

/** Where the blobs go. */
export type BlobTarget =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "objects" };

/** What was copied, and is the same on both sides. */
export interface InstallationCopy {
  readonly tables: readonly CopiedTable[];
  readonly blobs: BlobCopies;
  /** What a server on the copy needs besides, as instructions. */
  readonly carryOver: readonly string[];
}

/**
 * Copies the installation in the data directory of the configuration, which no server uses meanwhile. First the blobs,
 * which a repetition finds and does not send again; then all rows in one transaction, if every blob is there.
 * @throws DataDirError, DatabaseError, BlobError, NatsUnusable, ObjectStoreUnusable, StorageUnavailable
 */
export async function copyInstallation(
  config: Config,
  target: BlobTarget,
): Promise<InstallationCopy> {
  const postgres = postgresOptionsOf(config, { exclusive: true });
  if (postgres === undefined) throw new Error("a copy needs --database");
  const { dataDir } = config.server;
  const path = databaseOf(dataDir);
  if (!await exists(path)) {
    throw new DataDirError(
      `Data directory ${dataDir} has no database: ${path} does not exist`,
      "name the data directory of the server with --data",
    );
  }
  await using opened = new AsyncDisposableStack();
  const directory = opened.use(await openDataDir(dataDir));
  const sealer = await openSealer(withoutDatabase(config), directory);
  const checkKeys = (keys: Parameters<typeof checkServerKeys>[0]) => checkServerKeys(keys, sealer);
  const source = opened.use(await openStore(dataDir, { onSyncFailure, checkKeys }));
  const to = await openTarget(config, target, postgres, opened);
  await migrateTarget(to, { postgres, path, sealer, source });
  const copies = await copyContents(to, { source, missing: new Set() }, opened);
  const tables = await copyTables(postgres, path);
  return { tables, blobs: copies, carryOver: await carryOver(config, directory, target) };
}

/**
 * Copies a restored data directory, to which nothing else has access, into an empty database: its tables, and with NATS
 * its contents. The database has all rows or none.
 * @param missing the paths of contents that the backup lacks
 * @throws DatabaseError, BlobError, ObjectStoreUnusable
 */
export async function copyStaged(
  config: Config,
  { staged, sealer, postgres, missing }: {
    readonly staged: string;
    readonly sealer: Sealer;
    readonly postgres: PostgresOptions;
    readonly missing: ReadonlySet<string>;
  },
): Promise<void> {
  const path = databaseOf(staged);
  await using opened = new AsyncDisposableStack();
  const checkKeys = (keys: Parameters<typeof checkServerKeys>[0]) => checkServerKeys(keys, sealer);
  // Migrates the copy: a backup may be of an earlier version.
  const source = opened.use(await openStore(staged, { onSyncFailure, checkKeys }));
  if (config.nats.urls === undefined) {
    await migrateDatabase(postgres);
    await copyTables(postgres, path);
    return;
  }
  const to = await openTarget(config, { kind: "objects" }, postgres, opened);
  await migrateTarget(to, { postgres, path, sealer, source });
  await copyContents(to, { source, missing }, opened);
  await copyTables(postgres, path);
}

/** Copies all blobs into the opened target, except for blobs that the source is known to lack. */
async function copyContents(
  to: Target,
  { source, missing }: {
    readonly source: Store;
    readonly missing: ReadonlySet<string>;
  },
  opened: AsyncDisposableStack,
): Promise<BlobCopies> {
  const health = opened.use(new StorageHealth(() => Promise.resolve(), onSyncFailure));
  const openBlobs = await prepareBlobs(to.dataDir, to.objects);
  const blobs = opened.use(
    await openBlobs({
      volumes: source.read.volumes,
      health,
      damage: new DamageLog(),
      contentLock: fileContentLock(to.dataDir),
    }),
  );
  return await copyBlobs(source, blobs, missing);
}

/** The write that failed reports it, and ends the copy. */
function onSyncFailure(): void {}

/** The records of the source are in its directory. */
function withoutDatabase(config: Config): Config {
  return { ...config, database: { ...config.database, url: undefined } };
}

interface Target {
  /** For files of blobs, or for what is staged. */
  readonly dataDir: string;
  readonly objects: ObjectBuckets | undefined;
  /** Unlocks the object store with its root key, and binds the database to the store. */
  share?(store: Store, root: Uint8Array): Promise<void>;
}

/** Opens where the blobs go. `opened` closes what this opens. */
async function openTarget(
  config: Config,
  target: BlobTarget,
  postgres: PostgresOptions,
  opened: AsyncDisposableStack,
): Promise<Target> {
  if (target.kind === "directory") {
    const { path } = opened.use(await openDataDir(target.path));
    return { dataDir: path, objects: undefined };
  }
  const id = await copyId(postgres);
  const nats = opened.use(await connectUnused(config, id));
  const { path: dataDir } = opened.use(await openTempDir("invoked-copy-"));
  const node = randomUUID();
  const server = { ...config.server, dataDir };
  const objects = opened.use(await openObjects({ ...config, server }, nats, node));
  const share = async (store: Store, root: Uint8Array) => {
    await shareStore(store, formatObjectStore(config.nats.objects), async () => {
      await objects.unlock(root);
      // Before the database is bound to the store: of two copies into one store, the other must be free to have another.
      await objects.mark({ kind: "copy", id });
    });
  };
  return { dataDir, objects, share };
}

/**
 * Connects to NATS, after a check that no other installation uses the object store that is to get the contents.
 * @param copy the id of the copy
 * @throws NatsUnusable, ObjectStoreUnusable
 */
export async function connectUnused(config: Config, copy: string): Promise<Nats> {
  const { urls, credentialsFile, caFile, objects, environmentS3Keys } = config.nats;
  if (urls === undefined) throw new Error("a copy of blobs into an object store needs --nats");
  await using opened = new AsyncDisposableStack();
  const nats = opened.use(await Nats.connect({ urls, credentialsFile, caFile }, "copy"));
  if (objects.kind === "s3") await assertUnusedS3(objects, environmentS3Keys, copy);
  else await assertUnusedAccount(nats, copy);
  opened.move();
  return nats;
}

/** @throws NatsUnusable */
async function assertUnusedAccount(nats: Nats, copy: string): Promise<void> {
  const use = await permitted("API node", () => accountUse(nats.connection, copy));
  if (use === undefined) return;
  throw new NatsUnusable(`the account of NATS at ${nats.urls} ${use}; ${FREE_ACCOUNT}`);
}

/**
 * Names a copy by its database alone, so that a repetition has the same id: on another machine, in a new container, and
 * by another URL. @throws DatabaseError
 */
export async function copyId(postgres: PostgresOptions): Promise<string> {
  const id = await databaseId(postgres);
  return createHash("sha256").update(id).digest("hex").slice(0, 32);
}

/**
 * Migrates the target, checks that it is empty, and unlocks its object store. The key from which the keys of objects are
 * derived stays in the target if the copy fails, so that a repetition finds the key.
 */
async function migrateTarget(
  { dataDir, objects, share }: Target,
  { postgres, path, sealer, source }: {
    readonly postgres: PostgresOptions;
    readonly path: string;
    readonly sealer: Sealer;
    readonly source: Store;
  },
): Promise<void> {
  const checkKeys = (keys: Parameters<typeof checkServerKeys>[0]) => checkServerKeys(keys, sealer);
  {
    await using _migrated = await openStore(dataDir, {
      onSyncFailure,
      checkKeys,
      postgres,
      objects,
    });
  }
  await assertEmpty(postgres, path);
  if (share === undefined) return;
  await using store = await openStore(dataDir, { onSyncFailure, checkKeys, postgres, objects });
  const [own] = await source.read.identity.keys("objects");
  await share(store, await objectRootKey(own === undefined ? store : source, sealer));
}

async function carryOver(
  { identity: { masterKey, masterKeyFile } }: Config,
  { path }: DataDir,
  target: BlobTarget,
): Promise<string[]> {
  const key = masterKeyFileOf(path);
  const steps: string[] = [];
  if (masterKey !== undefined) steps.push("set INVOKED_MASTER_KEY to the same key");
  else if (masterKeyFile !== undefined) steps.push(`start with --master-key-file ${masterKeyFile}`);
  else if (target.kind === "directory") {
    steps.push(`copy ${key} to ${masterKeyFileOf(target.path)}, with mode 0600`);
  } else {
    steps.push(`copy ${key} to every API node, with mode 0600, and start with --master-key-file`);
  }
  for (const name of ["tls", "credentials.json"]) {
    if (await exists(join(path, name))) {
      steps.push(`copy ${join(path, name)}, if clients or you use it`);
    }
  }
  return steps;
}
