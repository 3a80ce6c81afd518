import { type Readers, readersOf, type Writers, writersOf } from "./aggregates.ts";
import {
  CamelCasePlugin,
  type Dialect as KyselyDialect,
  Kysely,
  type KyselyPlugin,
  type LogEvent,
} from "kysely";
import { AUDIT_LOCK } from "./audit.ts";
import { AuditScopes } from "./audit_scopes.ts";
import { Changes, type WriteChanges } from "./changes.ts";
import type { CommitBlobs } from "./blobs/commit_blobs.ts";
import { type ObjectBuckets, type OpenBlobs, prepareBlobs } from "./blobs/mod.ts";
import type { VolumeBlobs } from "./blobs/volume_blobs.ts";
import { databaseContentLock, fileContentLock } from "./content_lock.ts";
import { assertDatabaseIsThere, assertWasNotInUse, databaseOf } from "./data_use.ts";
import type { ConnectionUse, Dialect } from "./dialect.ts";
import { DamageLog } from "./damage.ts";
import { type Durability, GroupedWriter } from "./grouped_writer.ts";
import { IdentityReader, type ServerKeyRow } from "./identity.ts";
import { executedMigrations, migrate } from "./migrations/mod.ts";
import type { PostgresOptions } from "./postgres/address.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite/dialect.ts";
import { isSyncFailure, StorageHealth, StorageUnavailable } from "./storage_health.ts";
import { RowCache, UNCACHED } from "./row_cache.ts";
import { NodeReader, type NodeRow } from "./nodes.ts";
import { probeDirectory } from "./probe.ts";

export type { Readers, Writers } from "./aggregates.ts";

/** What runs in a transaction. */
type Statements<T> = (tx: Writers) => T | Promise<T>;

/** The durable state of the server: tables and blobs. */
export interface Store extends AsyncDisposable {
  /** Outside {@link reading}, reads see what was committed before they began. */
  readonly read: Readers;
  /**
   * Runs work that answers one request. While the work runs, its reads see what was acknowledged before it began; for
   * up to a second, they may not see what other nodes write later.
   */
  reading<T>(work: () => Promise<T>): Promise<T>;
  /** Scripts, source maps and files of commits. */
  readonly commitBlobs: CommitBlobs;
  /** Files of volumes. */
  readonly volumeBlobs: VolumeBlobs;
  /** What writes of this process have changed. */
  readonly changes: Pick<Changes, "subscribe">;
  /** The requests whose changes are audited: within one, each transaction that changes audited tables appends one event. */
  readonly auditScopes: AuditScopes;
  /** What is damaged of it, as far as reads have found it. */
  readonly damage: Pick<DamageLog, "all" | "note">;
  /** Whether it can write now. */
  readonly health: Pick<StorageHealth, "error" | "available">;
  /** Committed writes since the start, and the transactions that they shared. */
  readonly counts: Readonly<GroupedWriter["counts"]>;
  /** The connections for reading; none for a database without connections. */
  readonly connections: readonly ConnectionUse[];
  /**
   * Ends all connections to the database: answers may be lost on the way. Reads and writes under way fail with
   * StorageUnavailable, except for a commit that arrived; later ones open new connections.
   */
  giveUpConnections(): void;
  /**
   * Runs statements in a transaction and resolves once they have the durability, by default `durable`. If one throws,
   * all are rolled back. Inside, only the given writers may be used: no reader, no blob, no other promise. The statements
   * may run again, if another node kept their transaction from its end.
   * @throws StorageUnavailable while the disk takes no writes
   */
  write<T>(statements: Statements<T>, durability?: Durability): Promise<T>;
  /**
   * As {@link write}, one node after another.
   * @param locks names of what the statements read and then write: no other node does so meanwhile
   */
  writeLocked<T>(
    locks: readonly string[],
    statements: Statements<T>,
    durability?: Durability,
  ): Promise<T>;
  /** Gives some of the space that deletions have freed back to the file system. Answers whether more is left. */
  reclaim(): Promise<boolean>;
}

interface StoreOptions {
  /**
   * Called once a sync failed: content that the store believes to be on the disk may not be there, so nothing may be
   * acknowledged from here on, and only another start can find out what is there.
   */
  readonly onSyncFailure: (error: Error) => void;
  /** Called after each sync that succeeded. @param durationMs of the sync */
  readonly onSync?: ((durationMs: number) => void) | undefined;
  /** Checks that the sealed keys of a database can be opened, before anything of it is migrated. */
  readonly checkKeys: (keys: readonly ServerKeyRow[]) => void;
  /** The same for the live nodes that share the database; undefined for a server that shares it with none. */
  readonly checkNodes?: ((nodes: readonly NodeRow[]) => void) | undefined;
  /** The database of the records; undefined for SQLite in the data directory. */
  readonly postgres?: PostgresOptions | undefined;
  /** The buckets of the blobs; undefined for files in the data directory. */
  readonly objects?: ObjectBuckets | undefined;
}

/** Since it the database has a table of nodes. */
const NODES_MIGRATION = "014_nodes";

/** Without a check of keys. Only the write that failed reports a failed sync: for a process that ends with it. */
const UNCHECKED: StoreOptions = { onSyncFailure() {}, checkKeys() {} };

/**
 * Opens the database and the blobs of a data directory, and migrates both from earlier versions. The caller holds the
 * lock of the data directory.
 * @throws DataDirError, DatabaseError
 */
export async function openStore(
  dataDir: string,
  options: StoreOptions = UNCHECKED,
): Promise<Store> {
  if (options.postgres !== undefined) {
    const { postgresDialect } = await import("./postgres/dialect.ts");
    return await open(await postgresDialect(options.postgres), dataDir, options);
  }
  await assertDatabaseIsThere(dataDir);
  const database = databaseOf(dataDir);
  // SQLite creates its other files with the mode of this file.
  (await Deno.open(database, { create: true, write: true, mode: 0o600 })).close();
  return await open(sqliteDialect(database), dataDir, options);
}

async function open(
  dialect: Dialect,
  dataDir: string,
  options: StoreOptions,
): Promise<Store> {
  const plugins = [new CamelCasePlugin()];
  const damage = new DamageLog();
  const connect = (to: KyselyDialect, ...first: readonly KyselyPlugin[]) =>
    new Kysely<Schema>({ dialect: to, plugins: [...first, ...plugins], log: notingDamage(damage) });
  const reading = connect(dialect.reader);
  const cache = new RowCache(dialect.isShared ? () => countChanges(reading) : undefined);
  const changes = new Changes(cache);
  const writing = connect(dialect.writer, changes);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => writing.destroy());
  opened.defer(() => dialect.close());
  const openBlobs = await prepare(writing, dialect, dataDir, options);
  const long = connect(dialect.longReader);
  const counting = connect(dialect.statisticsReader);
  const health = new StorageHealth(async () => {
    await probeDirectory(dataDir);
    await grouped.write(() => dialect.probe(), "durable");
    // Another server may have written while this server had no database.
    cache.forget();
  }, options.onSyncFailure);
  const grouped = new GroupedWriter(dialect.statements, syncOf(dialect, health, options));
  await dialect.maintain((work) => grouped.betweenTransactions(work), (error) => {
    // A full disk fails the next write as well; that write is noted.
    if (isSyncFailure(error) || error instanceof StorageUnavailable) health.note(error);
  });
  const read = readersOf(reading, long, counting, dialect, cache);
  const writers = writersOf(writing, long, dialect, changes);
  const auditScopes = new AuditScopes();
  const contentLock = dialect.isShared ? databaseContentLock(long) : fileContentLock(dataDir);
  const blobs = await openBlobs({ volumes: read.volumes, health, damage, contentLock });
  const writeLocked = writeOf(
    { dialect, writing, writers, changes, auditScopes, cache, grouped, health },
  );
  opened.move();
  return {
    read,
    reading: (work) => cache.within(work),
    commitBlobs: blobs.commitBlobs,
    volumeBlobs: blobs.volumeBlobs,
    health: blobs.health,
    counts: grouped.counts,
    get connections() {
      return dialect.connections?.() ?? [];
    },
    giveUpConnections: () => dialect.giveUpConnections?.(),
    damage,
    changes,
    auditScopes,
    write: (statements, durability) => writeLocked([], statements, durability),
    writeLocked,
    reclaim: () => reclaim(dialect, grouped),
    async [Symbol.asyncDispose]() {
      blobs[Symbol.dispose]();
      health[Symbol.dispose]();
      dialect.interrupt();
      await grouped.settled();
      await dialect.close();
      for (const db of [reading, long, counting, writing]) await db.destroy();
    },
  };
}

/** Syncs what was committed. Its failure is noted, and its duration reported. */
function syncOf(
  dialect: Dialect,
  health: StorageHealth,
  { onSync }: Pick<StoreOptions, "onSync">,
): () => Promise<void> {
  return async () => {
    const begunMs = performance.now();
    try {
      await dialect.sync();
    } catch (error) {
      throw health.note(error);
    }
    onSync?.(performance.now() - begunMs);
  };
}

async function reclaim(dialect: Dialect, grouped: GroupedWriter): Promise<boolean> {
  let left = 0;
  await grouped.betweenTransactions(() => Promise.resolve(void (left = dialect.reclaim?.() ?? 0)));
  return left > 0;
}

/** Makes {@link Store.writeLocked}. */
function writeOf(
  { dialect, writing, writers, changes, auditScopes, cache, grouped, health }: {
    readonly dialect: Dialect;
    readonly writing: Kysely<Schema>;
    readonly writers: Writers;
    readonly changes: Changes;
    readonly auditScopes: AuditScopes;
    readonly cache: RowCache;
    readonly grouped: GroupedWriter;
    readonly health: StorageHealth;
  },
): Store["writeLocked"] {
  return async (locks, statements, durability = "durable") => {
    if (health.error !== undefined) throw health.error;
    const audited = auditScopes.current?.begin();
    // The transaction runs in the context of whichever write began the group.
    const run = auditScopes.bind(() => statements(writers));
    const taken = audited === undefined ? locks : [...locks, AUDIT_LOCK];
    const changed: WriteChanges = {
      list: [],
      areKept: false,
      audited: undefined,
      mayAppend: taken.includes(AUDIT_LOCK),
    };
    let isCommitted = false;
    const write = async () => {
      changed.list = [];
      if (audited !== undefined) changed.audited = { list: [], earlier: [] };
      changes.current = changed;
      try {
        const value = await run();
        const entry = changed.audited && audited?.entryOf(changed.audited);
        if (entry !== undefined) await writers.audit.append(entry);
        if (dialect.isShared && changed.areKept) await noteChange(writing);
        return value;
      } finally {
        changes.current = undefined;
      }
    };
    try {
      // A single writer runs one transaction after another.
      const value = await grouped.write(write, durability, dialect.isShared ? taken : []);
      isCommitted = true;
      changes.publish(changed.list);
      return value;
    } catch (error) {
      throw health.note(error);
    } finally {
      audited?.ended(isCommitted);
      if (changed.areKept) cache.ended();
    }
  };
}

/** Migrates the database and the directories of blobs; nothing is changed before all checks have passed. */
async function prepare(
  writing: Kysely<Schema>,
  dialect: Dialect,
  dataDir: string,
  { checkKeys, checkNodes, postgres, objects }: StoreOptions,
): Promise<OpenBlobs> {
  return await dialect.lockMigrations(async () => {
    const executed = await executedMigrations(writing, dialect);
    if (executed.length > 0) checkKeys(await new IdentityReader(writing, UNCACHED).allKeys());
    else if (postgres !== undefined) await assertWasNotInUse(dataDir, dialect.name);
    if (executed.includes(NODES_MIGRATION)) {
      checkNodes?.(await new NodeReader(writing, dialect.capabilities).sharing());
    }
    const openBlobs = await prepareBlobs(dataDir, objects);
    await migrate(writing, executed);
    return openBlobs;
  });
}

/** Notes in the log which queries find damage. */
function notingDamage(damage: DamageLog): (event: LogEvent) => void {
  return (event) => {
    if (event.level === "error") damage.note(event.error);
  };
}

async function countChanges(db: Kysely<Schema>): Promise<number> {
  return (await db.selectFrom("changes").select("count").executeTakeFirstOrThrow()).count;
}

/** Notes, in the open transaction, that rows have changed which other nodes keep in memory. */
async function noteChange(db: Kysely<Schema>): Promise<void> {
  await db.updateTable("changes").set(({ eb }) => ({ count: eb("count", "+", 1) })).execute();
}
