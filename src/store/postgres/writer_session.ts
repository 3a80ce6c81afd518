import { getLogger } from "@logtape/logtape";
import type pg from "pg";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { NothingChanged, type StatementRunner } from "../grouped_writer.ts";
import { StorageUnavailable } from "../storage_health.ts";
import { Connection, STATEMENT_TIMEOUT_MS } from "./connection.ts";
import { CONNECTION_LOST, isLoss, stateOf, storeError } from "./errors.ts";
import { LastWrites, type NumberedWrite } from "./last_writes.ts";
import { lockOf } from "./locks.ts";
import { type BackendState, SilenceWatch, whileInTime } from "./silence.ts";

const logger = getLogger(["invoked", "store"]);

/** Time between two attempts to find out whether a transaction was committed. */
const STATUS_RETRY_MS = 250;
/** How long PostgreSQL may delay the end of this process. */
const CLOSE_TIMEOUT_MS = 5_000;

const END_BACKEND = `select pg_terminate_backend(pid) from pg_stat_activity
  where pid = $1 and extract(epoch from backend_start) = $2::numeric`;

/** Takes locks in the order of their keys in the arrays. */
const TAKE_LOCKS = `select case when shared then pg_advisory_xact_lock_shared(key)::text
  else pg_advisory_xact_lock(key)::text end
  from unnest($1::bigint[], $2::boolean[]) as lock (key, shared)`;

/**
 * SQLSTATEs of transactions that fail because of other transactions: a deadlock, and a change that does not serialize.
 */
const RETRIED_STATES: readonly string[] = ["40P01", "40001"];

/** The SQLSTATE with which {@link requiringChange} fails. */
const DIVISION_BY_ZERO = "22012";

/** Statements that change nothing: no select of the store calls a function that writes. */
const READS = /^\s*(?:select|savepoint|release|rollback)\b/i;
/** Statements whose count of rows says whether they have changed something. */
const CHANGES_ROWS = /^\s*(?:insert|update|delete)\b/i;

/** A statement that changes what `sql` changes, and fails if that is nothing: one statement, so nobody waits in between. */
function requiringChange(sql: string): string {
  return `with changed as (${sql} returning 1) select 1 / count(*) from changed`;
}

/** The process of PostgreSQL that serves a connection. */
export interface Backend {
  readonly pid: number;
  /** @see ServerFacts.startedAt: another process may get the same id later */
  readonly startedAt: string;
}

/** A connection that may write. */
export interface OpenedWriter {
  readonly client: pg.Client;
  readonly backend: Backend;
  /** @see WatchedConnection.look */
  readonly look: () => Promise<BackendState>;
  /** Cuts all connections of this process to the server of this connection. */
  readonly giveUp: (state: BackendState) => void;
}

interface OpenConnection extends OpenedWriter {
  readonly connection: Connection;
  readonly watch: Disposable;
}

/** Why a statement failed. */
interface Failure {
  readonly error: unknown;
}

/** Opens a connection that may write. `previous` served the last connection. */
type OpenWriter = (
  onError: (error: Error) => void,
  previous: Backend | undefined,
) => Promise<OpenedWriter>;

/**
 * The connection that writes. A lost connection is opened again for the next transaction, never within a transaction:
 * statements of a lost transaction fail.
 *
 * Statements are sent without a wait for the answer to the one before. A transaction whose writes wait for no answer is
 * therefore one round trip, with its begin, its locks and its commit.
 *
 * Modes: `opened` with a connection; `lost`; `closed`. Transitions: opened ↔ lost, each → closed.
 */
export class WriterSession implements StatementRunner {
  readonly #lifecycle = new Lifecycle<"opened" | "lost" | "closed">("the database", "opened", {
    opened: ["lost", "closed"],
    lost: ["opened", "closed"],
    closed: [],
  });
  readonly #lastWrites = new LastWrites();
  #current: OpenConnection | undefined;
  /** Of the last connection. */
  #backend: Backend | undefined;
  #isInTransaction = false;
  /** Whether a statement of the open transaction may have changed something. */
  #mayHaveChanged = false;
  /**
   * Settles with the statements sent so far; never rejects. Holds the first failure of a statement that nobody waits for,
   * in the order in which the statements were sent, unless the failure was rolled back.
   */
  #sent: Promise<Failure | undefined> = Promise.resolve(undefined);
  #onLost: (error: StorageUnavailable) => void = () => {};
  /** Statements of a migration may take long. */
  #timeoutMs: number | undefined;

  private constructor(private readonly opening: OpenWriter) {}

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
    return this.#isInTransaction;
  }

  /** Begins a transaction, on a new connection if the last connection was lost. @throws StorageUnavailable */
  async begin(): Promise<void> {
    this.#sent = Promise.resolve(undefined);
    this.#mayHaveChanged = false;
    const { connection } = this.#current ?? await this.#connect();
    connection.hold();
    this.#isInTransaction = true;
    this.#note(connection.script("begin"));
  }

  /**
   * Commits. If the connection is lost meanwhile, this waits until PostgreSQL says whether it did commit. A transaction
   * that changed nothing writes no number, so it needs no sync, and it fails with the connection.
   * @throws StorageUnavailable if it did not
   */
  async commit(): Promise<void> {
    const { connection, backend } = this.#connected();
    const numbered = this.#mayHaveChanged ? this.#lastWrites.next() : undefined;
    if (numbered !== undefined) {
      this.#note(connection.query(numbered.sql, numbered.parameters, true));
    }
    const committed = connection.script("commit");
    this.#isInTransaction = false;
    connection.release();
    let command: string | undefined;
    try {
      command = (await committed)[0]?.command;
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.#lose(error);
      if (numbered === undefined || !await this.#wasCommitted(numbered.written, backend)) {
        throw error;
      }
      command = "COMMIT";
    }
    // PostgreSQL answers a commit after a failed statement without an error.
    if (command !== "COMMIT") {
      const failure = await this.#sent;
      throw failure?.error ??
        new Error("Transaction not committed: one of its statements failed");
    }
    if (numbered !== undefined) this.#lastWrites.committed();
  }

  /** Rolls back; a connection that cannot is given up, which rolls back, too. */
  async rollback(): Promise<void> {
    this.#isInTransaction = false;
    const connection = this.#current?.connection;
    if (connection === undefined) return;
    try {
      const rolledBack = connection.script("rollback");
      connection.release();
      await rolledBack;
      await this.#sent;
    } catch (error) {
      this.#lose(error);
    }
  }

  lock(names: readonly string[]): void {
    const locks = names.map((name) => lockOf(name));
    const [keys, shared] = [locks.map(({ key }) => key), locks.map(({ isShared }) => isShared)];
    this.send(TAKE_LOCKS, [keys, shared]);
  }

  mayRetry(error: unknown): boolean {
    return RETRIED_STATES.includes(stateOf(error) ?? "");
  }

  async run(sql: string, parameters: readonly unknown[]): Promise<number> {
    return (await this.query(sql, parameters, true)).rowCount ?? 0;
  }

  /** The next statement follows at once; after a failure it fails, too. */
  send(sql: string, parameters: readonly unknown[]): void {
    this.#mayHaveChanged ||= !READS.test(sql);
    this.#note(this.#query(sql, parameters, true));
  }

  sendChange(sql: string, parameters: readonly unknown[]): void {
    this.#mayHaveChanged = true;
    const sent = this.#query(requiringChange(sql), parameters, true);
    this.#note(sent.catch((error) => {
      throw stateOf(error) === DIVISION_BY_ZERO ? new NothingChanged() : error;
    }));
  }

  /** Runs a statement on the open connection. @throws StorageUnavailable if it was lost */
  async query(sql: string, parameters: readonly unknown[], isFrequent = false) {
    const earlier = this.#sent;
    const answer = this.#query(sql, parameters, isFrequent);
    // PostgreSQL runs a statement after a failed one only once the failure was rolled back.
    this.#sent = answer.then(() => undefined, () => earlier);
    this.#current?.connection.release();
    try {
      const result = await answer;
      const hasChanged = CHANGES_ROWS.test(sql) ? result.rowCount !== 0 : !READS.test(sql);
      this.#mayHaveChanged ||= hasChanged;
      return result;
    } catch (error) {
      throw (await earlier)?.error ?? error;
    }
  }

  /** Keeps the failure of a statement that nobody waits for. */
  #note(sent: Promise<unknown>): void {
    const earlier = this.#sent;
    const settled: Promise<Failure | undefined> = sent.then(() => undefined, (error) => {
      if (isLoss(error)) this.#lose(error);
      return { error };
    });
    // The answers of several statements arrive together, and their promises settle in any order.
    this.#sent = settled.then(async (failure) => await earlier ?? failure);
  }

  async #query(sql: string, parameters: readonly unknown[], isFrequent: boolean) {
    try {
      return await this.#connected().connection.query(sql, parameters, isFrequent);
    } catch (error) {
      if (isLoss(error)) this.#lose(error);
      throw error;
    }
  }

  /** Forgets the last writes of processes that ended long ago. Call it between transactions. */
  async forgetEnded(): Promise<void> {
    const { sql, parameters } = this.#lastWrites.forgetEnded();
    await this.query(sql, parameters);
  }

  /** Opens no connection any more. A commit that is in doubt fails. */
  interrupt(): void {
    if (!this.#lifecycle.is("closed")) this.#lifecycle.set("closed");
  }

  async close(): Promise<void> {
    this.interrupt();
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    const { sql, parameters } = this.#lastWrites.forgetOwn();
    const { client, connection, watch, giveUp } = current;
    watch[Symbol.dispose]();
    const late = Promise.withResolvers<void>();
    const onLate = () => {
      giveUp("unreachable");
      late.resolve();
    };
    await whileInTime(CLOSE_TIMEOUT_MS, onLate, async () => {
      // If it fails, a later process forgets the row.
      if (this.#lastWrites.isUsed) await connection.query(sql, parameters).catch(() => {});
      await Promise.race([client.end(), late.promise]);
    });
  }

  #connected(): OpenConnection {
    if (this.#current === undefined) throw new StorageUnavailable(CONNECTION_LOST);
    return this.#current;
  }

  async #connect(): Promise<OpenConnection> {
    if (this.#lifecycle.is("closed")) throw new StorageUnavailable(CONNECTION_LOST);
    const opened = await this.opening((error) => {
      if (this.#current?.client === client) this.#lose(error);
    }, this.#backend);
    const { client, backend, look, giveUp } = opened;
    const connection = new Connection(client, this.#timeoutMs);
    const isInTransaction = () => this.#isInTransaction;
    const watched = { client, connection, isInTransaction, look, onSilent: giveUp };
    const current = { ...opened, connection, watch: new SilenceWatch(watched) };
    this.#backend = backend;
    this.#current = current;
    if (this.#lifecycle.is("lost")) {
      this.#lifecycle.set("opened");
      logger.warn("the database is connected again");
    }
    return current;
  }

  #lose(error: unknown): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.#isInTransaction = false;
    current.watch[Symbol.dispose]();
    // A connection whose statement took too long is still open: ending it rolls its transaction back.
    current.client.end().catch(() => {});
    if (!this.#lifecycle.is("opened")) return;
    this.#lifecycle.set("lost");
    logger.warn("the connection to the database was lost: {error}", { error });
    this.#onLost(new StorageUnavailable(CONNECTION_LOST, { cause: error }));
  }

  /**
   * Whether the transaction of this number, whose commit got no answer, is committed. Waits until PostgreSQL knows. After
   * a failover, the new primary answers: what was not replicated to it is not committed.
   */
  async #wasCommitted(written: NumberedWrite, { pid, startedAt }: Backend): Promise<boolean> {
    while (!this.#lifecycle.is("closed")) {
      try {
        if (this.#current === undefined) await this.#connect();
        // The process that served the lost connection may not have noticed its loss, and may still commit.
        const { rows: served } = await this.query(
          END_BACKEND,
          [pid, startedAt],
        );
        if (served.length === 0) {
          const { sql, parameters } = this.#lastWrites.last(written);
          const { rows: [row] } = await this.query(sql, parameters);
          return row?.number === written.number;
        }
      } catch (error) {
        if (!(storeError(error) instanceof StorageUnavailable)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, STATUS_RETRY_MS));
    }
    return false;
  }
}
