import { DatabaseSync } from "node:sqlite";
import type { FoundPage, RowFilter } from "../../dialect.ts";
import { Statements } from "../statements.ts";
import { Finder, type SearchIndex } from "./finder.ts";
import { openIndex, removeIndex, type SearchFiles } from "./index_file.ts";
import { Indexer, type PassResult } from "./indexer.ts";
import { TrigramCounts } from "./trigram_counts.ts";

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGE_CODES = [11, 26];

interface OpenIndex extends SearchIndex, Disposable {
  readonly indexer: Indexer;
}

/**
 * Searches a database, and keeps the index of its texts. A search does not depend on the index: without one, as on a full
 * disk, it reads rows. A damaged index is made again.
 */
export class TextIndex implements Disposable {
  readonly #files: SearchFiles;
  readonly #connection: DatabaseSync;
  readonly #database: Statements;
  #index: OpenIndex | undefined;

  constructor(files: SearchFiles) {
    this.#files = files;
    this.#connection = new DatabaseSync(files.database, { readOnly: true });
    this.#database = new Statements(this.#connection);
  }

  find(filter: RowFilter): FoundPage {
    try {
      return new Finder(this.#database, this.#opened()).find(filter);
    } catch (error) {
      this.#forgetDamaged(error);
      return new Finder(this.#database, undefined).find(filter);
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

  /** Saves what is only in memory, and closes the databases. */
  [Symbol.dispose](): void {
    this.#index?.counts.save();
    this.#index?.[Symbol.dispose]();
    this.#connection.close();
  }

  #opened(): OpenIndex {
    return this.#index ??= this.#open();
  }

  #open(): OpenIndex {
    const connection = openIndex(this.#files);
    const statements = new Statements(connection);
    const index = { statements, counts: new TrigramCounts(statements) };
    return {
      ...index,
      indexer: new Indexer(this.#database, index, this.#files.unfinished),
      [Symbol.dispose]: () => connection.close(),
    };
  }

  #forgetDamaged(error: unknown): void {
    const code = (error as { readonly errcode?: number }).errcode ?? 0;
    if (!DAMAGE_CODES.includes(code & 0xff)) return;
    this.#index?.[Symbol.dispose]();
    this.#index = undefined;
    removeIndex(this.#files);
  }
}
