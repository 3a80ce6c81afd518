/** Connections for reading, as Kysely takes them. */
import { PostgresDialect, type PostgresPool, type PostgresQueryCompiler } from "kysely";
import type { ClientConfig, PoolClient, QueryResult } from "pg";
import pg from "pg";
import type { ConnectionUse } from "../dialect.ts";
import { Connection } from "./connection.ts";
import { isLoss, storeError } from "./errors.ts";
import { StoreQueryCompiler } from "./query_compiler.ts";
import type { Servers } from "./servers.ts";
import type { WriterSession } from "./writer_session.ts";

/** How long an unused connection is kept. */
const IDLE_TIMEOUT_MS = 60_000;

/** A connection while it is taken. */
export interface TakenConnection {
  query(text: string, parameters?: readonly unknown[]): Promise<QueryResult>;
  release(): void;
}

/** Where connections are taken from. */
export interface Connections {
  /** @throws StorageUnavailable */
  connect(): Promise<TakenConnection>;
  end(): Promise<void>;
}

/** Kysely's dialect on these connections. */
export class StoreDialect extends PostgresDialect {
  constructor(connections: Connections) {
    // Without cursors: no reader of the store streams.
    super({ pool: connections as unknown as PostgresPool });
  }

  override createQueryCompiler(): PostgresQueryCompiler {
    return new StoreQueryCompiler();
  }
}

/** A bounded number of connections to the primary, opened when they are needed. */
export class ConnectionPool implements Connections {
  /** The server of the connections. */
  #server: ClientConfig;
  #pool: pg.Pool;
  /** Pools of former primaries that still have connections. */
  #former: readonly pg.Pool[] = [];
  #ending: Promise<unknown> | undefined;
  readonly #clients = new WeakMap<PoolClient, PooledConnection>();

  /** @param timeoutMs of one statement */
  constructor(
    private readonly servers: Servers,
    private readonly max: number,
    private readonly timeoutMs: number,
  ) {
    this.#server = servers.primary;
    this.#pool = this.#open();
  }

  /** The connections that are open now. */
  use(pool: ConnectionUse["pool"]): ConnectionUse {
    const { totalCount, idleCount: idle, waitingCount: waiting } = this.#pool;
    return { pool, used: totalCount - idle, idle, max: this.max, waiting };
  }

  async connect(): Promise<TakenConnection> {
    this.#followPrimary();
    this.servers.assertReachable(this.#server);
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw storeError(error);
    }
    let pooled = this.#clients.get(client);
    if (pooled === undefined) {
      pooled = new PooledConnection(client, this.timeoutMs);
      this.#clients.set(client, pooled);
    }
    return pooled;
  }

  /**
   * After a failover, new reads go to the new primary. The former pool serves the reads that wait for its connections, and
   * closes connections that are no longer used: a pool that is ended would never answer those reads.
   */
  #followPrimary(): void {
    if (this.#server === this.servers.primary || this.#ending !== undefined) return;
    this.#former = [...this.#former.filter(({ totalCount }) => totalCount > 0), this.#pool];
    this.#server = this.servers.primary;
    this.#pool = this.#open();
  }

  #open(): pg.Pool {
    const pool = new pg.Pool({
      ...this.#server,
      max: this.max,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      Client: this.servers.clientClass(this.#server),
    });
    // An idle connection that was lost is replaced by the next query.
    pool.on("error", () => {});
    return pool;
  }

  /** Several readers may share it, and each ends it. */
  async end(): Promise<void> {
    const pools = [this.#pool, ...this.#former];
    await (this.#ending ??= Promise.all(pools.map((pool) => pool.end())));
  }
}

class PooledConnection implements TakenConnection {
  readonly #connection: Connection;
  #isUnusable = false;

  constructor(private readonly client: PoolClient, timeoutMs: number) {
    this.#connection = new Connection(client, timeoutMs);
    client.on("error", () => this.#isUnusable = true);
  }

  async query(text: string, parameters: readonly unknown[] = []): Promise<QueryResult> {
    try {
      return await this.#connection.query(text, parameters);
    } catch (error) {
      // One that has not answered in time may answer later, to the next query.
      if (isLoss(error)) this.#isUnusable = true;
      throw error;
    }
  }

  release(): void {
    this.client.release(this.#isUnusable);
  }
}

/** The connection of the writer, which is never released. */
export function connectionsOf(session: WriterSession): Connections {
  const connection: TakenConnection = {
    query: (text, parameters = []) => session.query(text, parameters),
    release() {},
  };
  return { connect: () => Promise.resolve(connection), end: () => session.close() };
}
