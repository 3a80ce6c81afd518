import { getLogger } from "@logtape/logtape";
import { sql } from "kysely";
import type pg from "pg";
import type { Dialect } from "../dialect.ts";
import { StorageUnavailable } from "../storage_health.ts";
import type { PostgresOptions } from "./address.ts";
import { connectFailure, durabilityWarning, type ServerFacts, writerSettings } from "./connect.ts";
import { STATEMENT_TIMEOUT_MS } from "./connection.ts";
import { DatabaseError } from "./database_error.ts";
import { stateOf, storeError } from "./errors.ts";
import { holderOf, lockQuery, tryLock } from "./locks.ts";
import { ConnectionPool, connectionsOf, StoreDialect } from "./pools.ts";
import { PostgresSearch } from "./search.ts";
import { Servers } from "./servers.ts";
import { TextIndex } from "./text_index.ts";
import { cutIfLate } from "./silence.ts";
import { type Backend, type OpenedWriter, WriterSession } from "./writer_session.ts";

const logger = getLogger(["invoked", "store"]);

/** How long a start waits for the lock of a server that has just ended. */
const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 100;
/** How long a new connection may take until it has its settings and its lock. */
const PREPARE_TIMEOUT_MS = LOCK_PATIENCE_MS + 10_000;
/** Long reads have one connection in this many. */
const CONNECTIONS_PER_LONG_READER = 4;
/** How long one long read may take. */
const LONG_STATEMENT_TIMEOUT_MS = 10 * 60_000;

const INSUFFICIENT_PRIVILEGE = "42501";

/** Now by the clock of the database, or milliseconds later, in the form of all times. */
export function timeAfter(ms: number): string {
  return `to_char(clock_timestamp() at time zone 'UTC' + interval '${ms} milliseconds', ` +
    `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** PostgreSQL. A commit is durable, so `sync` has nothing to do. @throws DatabaseError */
export async function postgresDialect(options: PostgresOptions): Promise<Dialect> {
  const { url, maxConnections } = options.database;
  const servers = await Servers.of(options.database);
  const opening = new WriterOpening(servers, options);
  const session = await WriterSession.open((onError, previous) => opening.open(onError, previous));
  opening.endStart();
  const longReaders = Math.max(1, Math.floor(maxConnections / CONNECTIONS_PER_LONG_READER));
  const readers = maxConnections - longReaders - 1;
  const reading = new ConnectionPool(servers, readers, STATEMENT_TIMEOUT_MS);
  const long = new ConnectionPool(servers, longReaders, LONG_STATEMENT_TIMEOUT_MS);
  const index = new TextIndex(servers);
  return {
    name: url.label,
    schema: opening.schema,
    isShared: !options.exclusive,
    capabilities: {
      caseInsensitiveLike: "ilike",
      rowLock: "for update",
      bytesOf: (text) => sql`convert_to(${text}, 'UTF8')`,
      timeAfter,
    },
    writer: new StoreDialect(connectionsOf(session)),
    statements: session,
    reader: new StoreDialect(reading),
    longReader: new StoreDialect(long),
    statisticsReader: new StoreDialect(long),
    search: new PostgresSearch(long, () => index.isReady),
    sync: () => Promise.resolve(),
    async probe() {
      // A transaction without a record in the log would be committed without a write.
      await session.run("select pg_logical_emit_message(true, 'invoked', 'probe')", []);
    },
    async lockMigrations(work) {
      await session.query(lockQuery("lock", "migrations"), []);
      try {
        return await work();
      } catch (error) {
        if (stateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new DatabaseError(
          `${url.label} was not migrated: ${reason}; make the user of the URL the owner of the database`,
        );
      } finally {
        await session.query(lockQuery("unlock", "migrations"), []);
      }
    },
    async maintain(_betweenTransactions, onError) {
      await session.forgetEnded();
      session.watch(onError);
      index.build();
    },
    connections: () => [reading.use("reads"), long.use("long_reads")],
    giveUpConnections: () => servers.giveUpAll(),
    interrupt: () => session.interrupt(),
    async close() {
      await index.close();
      await session.close();
    },
  };
}

/** Opens the connection that writes, and checks the server and its lock each time. */
class WriterOpening {
  #isStart = true;
  #schema: string | undefined;

  constructor(private readonly servers: Servers, private readonly options: PostgresOptions) {}

  get schema(): string | undefined {
    return this.#schema;
  }

  /** From here on errors are temporary: they are StorageUnavailable. */
  endStart(): void {
    this.#isStart = false;
  }

  async open(
    onError: (error: Error) => void,
    previous: Backend | undefined,
  ): Promise<OpenedWriter> {
    const servers = this.servers;
    let client: pg.Client | undefined;
    try {
      // Statements may be sent before the answer to the one before.
      const connected = await servers.connect(onError, { pipeline: true });
      const opened = client = connected.client;
      const { facts, server } = connected;
      await cutIfLate(opened, PREPARE_TIMEOUT_MS, () => this.#prepare(opened, facts, previous));
      return {
        client,
        backend: facts,
        look: () => servers.look(server, facts),
        giveUp: (state) => servers.giveUp(server, state),
      };
    } catch (error) {
      client?.end().catch(() => {});
      if (this.#isStart) {
        if (error instanceof DatabaseError) throw error;
        throw connectFailure(error, this.options.database.url.label, this.servers.primary);
      }
      const cause = error instanceof DatabaseError ? error.cause ?? error : error;
      if (!(cause instanceof DatabaseError)) throw storeError(cause);
      const reason = "the database does not take writes of this server";
      throw new StorageUnavailable(reason, { cause });
    }
  }

  async #prepare(
    client: pg.Client,
    facts: ServerFacts,
    previous: Backend | undefined,
  ): Promise<void> {
    await client.query(writerSettings(facts, this.options));
    await this.#lock(client, previous);
    this.#schema = facts.schema ?? undefined;
    const warning = durabilityWarning(facts);
    if (this.#isStart && warning !== undefined) logger.warn("{warning}", { warning });
  }

  async #lock(client: pg.Client, previous: Backend | undefined): Promise<void> {
    const mode = this.options.exclusive ? "exclusive" : "shared";
    const patienceEnd = performance.now() + (this.#isStart ? LOCK_PATIENCE_MS : 0);
    for (;;) {
      if (await tryLock(client, "server", mode)) return;
      const holder = await holderOf(client, "server");
      if (holder !== undefined && holder.pid === previous?.pid) {
        // PostgreSQL has not noticed that the last connection was lost.
        await client.query("select pg_terminate_backend($1)", [previous.pid]);
      } else if (performance.now() > patienceEnd) {
        throw new DatabaseError(
          `${this.options.database.url.label} is in use by another server` +
            (holder === undefined ? "" : `, ${holder.description}`),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
  }
}
