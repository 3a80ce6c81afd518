import { DatabaseSync } from "node:sqlite";
import type { FoundPage, RowFilter } from "../../dialect.ts";
import { Statements } from "../statements.ts";
import { errcodeOf } from "../thread.ts";
import { findRows } from "./finder.ts";
import { openIndex, removeIndex, type SearchFiles } from "./index_file.ts";
import { Indexer, type PassResult } from "./indexer.ts";

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGE_CODES = [11, 26];

interface OpenIndex {
  readonly connection: DatabaseSync;
  readonly statements: Statements;
  readonly indexer: Indexer;
}

/**
 * Searches a database, and keeps the index of its texts. A search does not depend on the index: without one, as on a full
 * disk, it reads rows. A damaged index is made again.
 */
export class TextIndex implements Disposable {
  readonly #connection: DatabaseSync;
  readonly #database: Statements;
  #index: OpenIndex | undefined;

  constructor(private readonly files: SearchFiles) {
    this.#connection = new DatabaseSync(files.database, { readOnly: true });
    this.#database = new Statements(this.#connection);
  }

  find(filter: RowFilter): FoundPage {
    try {
      const { indexer, statements } = this.#opened();
      const { filledTo, sequence } = indexer.progress;
      return findRows(
        this.#database,
        filledTo === null ? { statements, sequence } : undefined,
        filter,
      );
    } catch (error) {
      this.#forgetDamaged(error);
      return findRows(this.#database, undefined, filter);
    }
  }

  /** Runs a pass of the indexer. */
  pass(): PassResult {
    try {
      return this.#opened().indexer.pass();
    } catch (error) {
      this.#forgetDamaged(error);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#index?.connection.close();
    this.#connection.close();
  }

  #opened(): OpenIndex {
    if (this.#index === undefined) {
      const connection = openIndex(this.files, this.#connection);
      const statements = new Statements(connection);
      const indexer = new Indexer(this.#database, statements);
      this.#index = { connection, statements, indexer };
    }
    return this.#index;
  }

  #forgetDamaged(error: unknown): void {
    if (!DAMAGE_CODES.includes((errcodeOf(error) ?? 0) & 0xff)) return;
    this.#index?.connection.close();
    this.#index = undefined;
    removeIndex(this.files);
  }
}
