import { getLogger } from "@logtape/logtape";
import type pg from "pg";
import { Lifecycle } from "../../shared/lifecycle.ts";
import type { StatementRunner } from "../grouped_writer.ts";
import { StorageUnavailable } from "../storage_health.ts";
import { Connection, STATEMENT_TIMEOUT_MS } from "./connection.ts";
import { CONNECTION_LOST, isLoss, stateOf, storeError } from "./errors.ts";
import { lockOf } from "./locks.ts";

const logger = getLogger(["invoked", "store"]);

/** Time between two attempts to find out whether a transaction was committed. */
const STATUS_RETRY_MS = 250;

const BEGIN = "begin; select pg_current_xact_id()::text as id";

/** Takes locks in the order of their keys in the arrays. */
const TAKE_LOCKS = `select case when shared then pg_advisory_xact_lock_shared(key)::text
  else pg_advisory_xact_lock(key)::text end
  from unnest($1::bigint[], $2::boolean[]) as lock (key, shared)`;

/**
 * SQLSTATEs of transactions that fail because of other transactions: a deadlock, and a change that does not serialize.
 */
const RETRIED_STATES: readonly string[] = ["40P01", "40001"];

interface OpenConnection {
  readonly client: pg.Client;
  readonly connection: Connection;
}

/** Opens a connection that may write. `previous` is the process of PostgreSQL that served the last connection. */
type OpenWriter = (
  onError: (error: Error) => void,
  previous: number | undefined,
) => Promise<pg.Client>;

/**
 * The connection that writes. A lost connection is opened again for the next transaction, never within a transaction:
 * statements of a lost transaction fail.
 *
 * Modes: `opened` with a connection; `lost`; `closed`. Transitions: opened ↔ lost, each → closed.
 */
export class WriterSession implements StatementRunner {
  readonly #open: OpenWriter;
  readonly #lifecycle = new Lifecycle<"opened" | "lost" | "closed">("the database", "opened", {
    opened: ["lost", "closed"],
    lost: ["opened", "closed"],
    closed: [],
  });
  #current: OpenConnection | undefined;
  /** The process of PostgreSQL of the last connection. */
  #process: number | undefined;
  /** The id of the open transaction. */
  #transaction: string | undefined;
  /** Settles with the last statement that nobody waits for. */
  #sent: Promise<void> = Promise.resolve();
  /** Why it failed, until it was rolled back, or the failure of a later statement or of the commit names the reason. */
  #sentFailure: unknown;
  #onLost: (error: StorageUnavailable) => void = () => {};
  /** Statements of a migration may take long. */
  #timeoutMs: number | undefined;

  private constructor(open: OpenWriter) {
    this.#open = open;
  }

  static async open(open: OpenWriter): Promise<WriterSession> {
    const session = new WriterSession(open);
    await session.#connect();
    return session;
  }

  /** From here on statements have a time limit, and `onLost` learns of a lost connection at once. */
  watch(onLost: (error: StorageUnavailable) => void): void {
    this.#timeoutMs = STATEMENT_TIMEOUT_MS;
    this.#onLost = onLost;
    if (this.#current !== undefined) this.#current.connection.timeoutMs = this.#timeoutMs;
  }

  get inTransaction(): boolean {
    return this.#current?.connection.inTransaction ?? false;
  }

  /** Begins a transaction, on a new connection if the last connection was lost. @throws StorageUnavailable */
  async begin(): Promise<void> {
    this.#sentFailure = undefined;
    if (this.#current === undefined) await this.#connect();
    try {
      const results = await this.#connected().script(BEGIN);
      this.#transaction = results.at(-1)?.rows[0]?.id;
    } catch (error) {
      if (isLoss(error)) this.#lose(error);
      throw error;
    }
  }

  /**
   * Commits. If the connection is lost meanwhile, this waits until PostgreSQL says whether it did commit.
   * @throws StorageUnavailable if it did not
   */
  async commit(): Promise<void> {
    const connection = this.#connected();
    try {
      const [result] = await connection.script("commit");
      // PostgreSQL answers a commit after a failed statement without an error.
      if (result?.command !== "COMMIT") {
        await this.#sent;
        throw this.#sentFailure ??
          new Error("Transaction not committed: one of its statements failed");
      }
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.#lose(error);
      if (!await this.#wasCommitted(connection.processId)) throw error;
    }
  }

  /** Rolls back; a connection that cannot is given up, which rolls back, too. */
  async rollback(): Promise<void> {
    try {
      await this.#current?.connection.script("rollback");
    } catch (error) {
      this.#lose(error);
    }
  }

  async lock(names: readonly string[]): Promise<void> {
    const locks = names.map((name) => lockOf(name));
    const [keys, shared] = [locks.map(({ key }) => key), locks.map(({ isShared }) => isShared)];
    await this.query(TAKE_LOCKS, [keys, shared], true);
  }

  mayRetry(error: unknown): boolean {
    return RETRIED_STATES.includes(stateOf(error) ?? "");
  }

  async run(sql: string, parameters: readonly unknown[]): Promise<number> {
    return (await this.query(sql, parameters, true)).rowCount ?? 0;
  }

  /** The next statement follows at once; after a failure it fails, too. */
  send(sql: string, parameters: readonly unknown[]): void {
    this.#sent = this.#query(sql, parameters, true).then(
      () => {},
      (error) => void (this.#sentFailure ??= error),
    );
  }

  /** Runs a statement on the open connection. @throws StorageUnavailable if it was lost */
  async query(sql: string, parameters: readonly unknown[], isFrequent = false) {
    try {
      const result = await this.#query(sql, parameters, isFrequent);
      // PostgreSQL answers in order, and runs a statement after a failed one only once the failure was rolled back.
      this.#sentFailure = undefined;
      return result;
    } catch (error) {
      await this.#sent;
      const reason = this.#sentFailure ?? error;
      this.#sentFailure = undefined;
      throw reason;
    }
  }

  async #query(sql: string, parameters: readonly unknown[], isFrequent: boolean) {
    try {
      return await this.#connected().query(sql, parameters, isFrequent);
    } catch (error) {
      if (isLoss(error)) this.#lose(error);
      throw error;
    }
  }

  /** Opens no connection any more. A commit that is in doubt fails. */
  interrupt(): void {
    if (!this.#lifecycle.is("closed")) this.#lifecycle.set("closed");
  }

  async close(): Promise<void> {
    this.interrupt();
    const current = this.#current;
    this.#current = undefined;
    await current?.client.end();
  }

  #connected(): Connection {
    if (this.#current === undefined) throw new StorageUnavailable(CONNECTION_LOST);
    return this.#current.connection;
  }

  async #connect(): Promise<void> {
    if (this.#lifecycle.is("closed")) throw new StorageUnavailable(CONNECTION_LOST);
    const client: pg.Client = await this.#open((error) => {
      if (this.#current?.client === client) this.#lose(error);
    }, this.#process);
    const connection = new Connection(client, this.#timeoutMs);
    this.#process = connection.processId;
    this.#current = { client, connection };
    if (this.#lifecycle.is("lost")) {
      this.#lifecycle.set("opened");
      logger.warn("the database is connected again");
    }
  }

  #lose(error: unknown): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    // A connection whose statement took too long is still open: ending it rolls its transaction back.
    current.client.end().catch(() => {});
    if (!this.#lifecycle.is("opened")) return;
    this.#lifecycle.set("lost");
    logger.warn("the connection to the database was lost: {error}", { error });
    this.#onLost(new StorageUnavailable(CONNECTION_LOST, { cause: error }));
  }

  /** Whether the transaction whose commit got no answer is committed. Waits until PostgreSQL knows. */
  async #wasCommitted(process: number | undefined): Promise<boolean> {
    const id = this.#transaction;
    while (!this.#lifecycle.is("closed")) {
      try {
        if (this.#current === undefined) await this.#connect();
        const { rows: [row] } = await this.query("select pg_xact_status($1::xid8) as status", [id]);
        if (row?.status === "committed") return true;
        if (row?.status === "aborted") return false;
        // The process that served the lost connection has not noticed its loss.
        await this.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_xid = $2::xid",
          [process, String(BigInt.asUintN(32, BigInt(id ?? 0)))],
        );
      } catch (error) {
        if (!(storeError(error) instanceof StorageUnavailable)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, STATUS_RETRY_MS));
    }
    return false;
  }
}
