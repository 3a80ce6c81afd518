import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect as KyselyDialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { threadModule } from "../../shared/installation.ts";
import { StoreThread } from "./thread.ts";

/** A query as it travels to the thread. */
export type Query = Pick<CompiledQuery, "sql" | "parameters">;
export type Row = Record<string, unknown>;

/** Kysely's dialect for a read-only connection in a thread. The first query starts the thread. */
export function threadDialect(file: string): KyselyDialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new ThreadDriver(file),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** Runs the queries of all connections one after another. */
class ThreadDriver implements Driver {
  readonly #thread: StoreThread<Query, Row[]>;

  constructor(file: string) {
    this.#thread = new StoreThread(threadModule("src/store/sqlite/query_thread.ts"), file);
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(new ThreadConnection(this.#thread));
  }

  beginTransaction(): Promise<void> {
    return Promise.reject(withoutTransactions());
  }

  commitTransaction(): Promise<void> {
    return Promise.reject(withoutTransactions());
  }

  rollbackTransaction(): Promise<void> {
    return Promise.reject(withoutTransactions());
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#thread.close();
  }
}

function withoutTransactions(): Error {
  return new Error(
    "The connection for long reads runs single queries, not transactions",
  );
}

class ThreadConnection implements DatabaseConnection {
  constructor(private readonly thread: StoreThread<Query, Row[]>) {}

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return { rows: await this.thread.request({ sql, parameters }) as R[] };
  }

  // deno-lint-ignore require-yield -- Kysely's interface; no reader of the store streams
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error("The connection for long reads does not stream rows");
  }
}
