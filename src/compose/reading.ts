/** Reads the records and contents of an installation beside its server: for backups and verifications. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setPriority } from "node:os";
import { Nats } from "../cluster/nats/connection.ts";
import { type Config, formatObjectStore } from "../config/mod.ts";
import { serverKeyContext } from "../domain/identity/server_keys.ts";
import { exists } from "../shared/files.ts";
import { holdContents } from "../store/content_lock.ts";
import { type Contents, diskContents, objectContents } from "../store/contents.ts";
import { assertRestored, DataDirError, foreignEntry, unusable } from "../store/data_dir.ts";
import { databaseOf } from "../store/data_use.ts";
import { masterKeyFileOf, readMasterKeys, sharedMasterKeys } from "../store/master_key.ts";
import { postgresOptionsOf } from "../store/postgres/address.ts";
import { Pace } from "../shared/pace.ts";
import { PostgresReading } from "../store/postgres/snapshot.ts";
import type { Sealer } from "../store/sealing.ts";
import { copySqlite, objectStoreIn, serverKeysIn } from "../store/sqlite/snapshot.ts";
import { openObjects } from "./records.ts";

/** The purpose of the key that only an installation with an object store has. */
const OBJECTS = "objects";
/** The lowest priority of a process. */
const LOWEST_PRIORITY = 19;

/** The data of an installation, as it is read beside its server. */
interface InstallationReading {
  /** A copy of the database, which has one moment of it. */
  readonly snapshot: string;
  readonly source: "sqlite" | "postgresql";
  /** When the copy began: RFC 3339, UTC. */
  readonly createdAt: string;
  readonly contents: Contents;
  /** Checks that all contents were held since the copy. */
  assertHeld(): Promise<void>;
}

/** Gives way to a server on the same machine. */
export function lowerPriority(): void {
  try {
    setPriority(LOWEST_PRIORITY);
  } catch {
    // A process that may not change its priority reads all the same.
  }
}

/**
 * The master key of an installation, where its server finds it; undefined if it is nowhere.
 * @throws DataDirError if a file of keys cannot be read
 */
export async function masterKeysIn(
  { identity: { masterKey, masterKeyFile } }: Config,
  directory: string,
): Promise<readonly Uint8Array[] | undefined> {
  if (masterKey !== undefined) return [Uint8Array.from(Buffer.from(masterKey.reveal(), "base64"))];
  if (masterKeyFile !== undefined) return await sharedMasterKeys(masterKeyFile);
  return await readMasterKeys(masterKeyFileOf(directory));
}

/**
 * Copies the database, and keeps the contents that the copy references from deletion until `opened` closes.
 * @param workDir for the copy
 * @param onWait called once if contents are being deleted
 * @throws DataDirError, DatabaseError
 */
export async function readInstallation(
  config: Config,
  { workDir, sealer, opened, onWait }: {
    readonly workDir: string;
    /** Opens the key of objects; undefined without a master key. */
    readonly sealer: Sealer | undefined;
    readonly opened: AsyncDisposableStack;
    readonly onWait: () => void;
  },
): Promise<InstallationReading> {
  const { server: { dataDir }, nats } = config;
  const postgres = postgresOptionsOf(config, { exclusive: false });
  const snapshot = join(workDir, "snapshot.db");
  const hasFiles = nats.urls === undefined;
  if (hasFiles) {
    await assertUsable(dataDir, postgres === undefined);
    opened.use(await holdContents(dataDir, onWait));
  }
  if (postgres === undefined) {
    const createdAt = new Date().toISOString();
    await copySqlite(databaseOf(dataDir), snapshot, `data directory ${dataDir}`);
    const contents = paced(diskContents(dataDir));
    return { snapshot, source: "sqlite", createdAt, contents, assertHeld: () => Promise.resolve() };
  }
  const reading = opened.use(await PostgresReading.open(postgres));
  if (!hasFiles) await reading.holdContents(onWait);
  const createdAt = new Date().toISOString();
  await reading.copyTo(snapshot);
  if (hasFiles && serverKeysIn(snapshot).some(({ purpose }) => purpose === OBJECTS)) {
    throw new DataDirError(
      `Nothing was read: the contents of ${config.database.url?.label} are in the object store of NATS`,
      "name its URLs with --nats",
    );
  }
  const contents = hasFiles
    ? diskContents(dataDir)
    : await openSharedContents(config, { snapshot, sealer, workDir, opened });
  return {
    snapshot,
    source: "postgresql",
    createdAt,
    contents: paced(contents),
    // The lock of a data directory is of its file, and stays without the connection.
    assertHeld: () => hasFiles ? Promise.resolve() : reading.assertHeld(),
  };
}

/** The same contents, read so slowly that the server beside stays fast. */
function paced(contents: Contents): Contents {
  const pace = new Pace();
  return {
    open: async (ref) => {
      const content = await contents.open(ref);
      return {
        size: content.size,
        read: async (offset, length) => {
          await pace.rest();
          return await content.read(offset, length);
        },
        [Symbol.dispose]: () => content[Symbol.dispose](),
      };
    },
  };
}

/** Opens the object store with the key in the copy of the database. */
async function openSharedContents(
  config: Config,
  { snapshot, sealer, workDir, opened }: {
    readonly snapshot: string;
    readonly sealer: Sealer | undefined;
    readonly workDir: string;
    readonly opened: AsyncDisposableStack;
  },
): Promise<Contents> {
  const { urls, credentialsFile, caFile } = config.nats;
  if (urls === undefined) throw new Error("shared contents need --nats");
  if (sealer === undefined) {
    throw new DataDirError(
      "The object store was not read: its key is sealed under the master key, which is missing",
      "give the key with --master-key-file or INVOKED_MASTER_KEY",
    );
  }
  const [given, shared] = [formatObjectStore(config.nats.objects), objectStoreIn(snapshot)];
  if (shared !== undefined && shared !== given) {
    throw new DataDirError(
      `The object store was not read: --objects is ${given}, but the contents are in ${shared}`,
      `give --objects ${shared}`,
    );
  }
  const nats = opened.use(await Nats.connect({ urls, credentialsFile, caFile }, "backup"));
  const server = { ...config.server, dataDir: workDir };
  const objects = opened.use(await openObjects({ ...config, server }, nats, randomUUID()));
  const key = serverKeysIn(snapshot).find(({ purpose }) => purpose === OBJECTS);
  if (key !== undefined) await objects.unlock(sealer.open(key.sealed, serverKeyContext(key)));
  return objectContents(objects);
}

/** @throws DataDirError unless a server of this user has used the directory, and no restore is under way */
async function assertUsable(dataDir: string, hasDatabase: boolean): Promise<void> {
  const database = databaseOf(dataDir);
  if (!await exists(hasDatabase ? database : dataDir)) {
    throw new DataDirError(
      `Data directory ${dataDir} has no database: ${database} does not exist`,
      "name the data directory of the server with --data",
    );
  }
  const foreign = await foreignEntry(dataDir);
  if (foreign !== undefined) throw unusable(dataDir, foreign);
  await assertRestored(dataDir);
}
