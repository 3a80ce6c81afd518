import type { Statements } from "../statements.ts";
import type { SearchIndex } from "./finder.ts";
import { numbersOf, UNFINISHED } from "./index_file.ts";
import type { TrigramCounts } from "./trigram_counts.ts";
import { indexedText, SEPARATOR } from "./trigrams.ts";

/** Limits of a pass, in rows and in UTF-16 units of their texts, so that a search waits for a moment only. */
const ROWS_PER_PASS_MAX = 500;
const UNITS_PER_PASS_MAX = 1024 * 1024;

/** What a pass has done. */
export interface PassResult {
  /** Whether there is more to do. */
  readonly more: boolean;
  /** Purged invocations up to this number are erased from the index, durably; 0 for none. */
  readonly purgedSequence: number;
}

interface Unseen {
  readonly row: number;
  readonly id: string;
  readonly hasEnded: number;
}

interface Purged {
  readonly sequence: number;
  readonly id: string;
  readonly lastRow: number;
}

interface Texts {
  readonly error: string | null;
  readonly input: string;
  readonly output: string | null;
}

/** Fills the index from the database, in passes. After a crash it continues where its last pass was committed. */
export class Indexer {
  readonly #index: Statements;
  readonly #database: Statements;
  readonly #counts: TrigramCounts;

  /**
   * @param unfinished invocations whose end the index must learn even if it knows an end: a crash of the machine, or a
   * backup, may have undone that one
   */
  constructor(
    database: Statements,
    { statements, counts }: SearchIndex,
    unfinished: readonly string[],
  ) {
    this.#database = database;
    this.#index = statements;
    this.#counts = counts;
    statements.transaction(() => unfinished.forEach((id) => this.#await(id)));
  }

  /** Erases what was purged, and indexes what has ended, up to the limits of a pass. */
  pass(): PassResult {
    return this.#database.transaction(() => {
      const purged = this.#database.all<Purged>(
        `SELECT sequence, id, last_row AS lastRow FROM purged_invocations
          ORDER BY sequence LIMIT ?`,
        ROWS_PER_PASS_MAX,
      );
      // The database forgets what was purged as soon as this is committed.
      this.#index.run(`PRAGMA synchronous = ${purged.length > 0 ? "FULL" : "NORMAL"}`);
      const isFull = this.#index.transaction(() => {
        for (const each of purged) this.#erase(each);
        const isFull = this.#indexEnded() || this.#indexNew();
        this.#counts.endPass();
        return isFull;
      });
      return {
        more: isFull || purged.length === ROWS_PER_PASS_MAX,
        purgedSequence: purged.at(-1)?.sequence ?? 0,
      };
    });
  }

  #erase({ id, lastRow }: Purged): void {
    this.#removeDocument(id);
    this.#index.run("DELETE FROM unindexed WHERE invocation_id = ?", id);
    if (this.#seenRow > lastRow) this.#setSeen(lastRow);
  }

  /** The last row that a pass has seen. */
  get #seenRow(): number {
    return this.#index.first<{ row: number }>("SELECT seen_row AS row FROM progress")?.row ?? 0;
  }

  #setSeen(row: number): void {
    const last = this.#database.first<{ id: string }>(
      "SELECT id FROM invocations WHERE rowid = ?",
      row,
    );
    this.#index.run("UPDATE progress SET seen_row = ?, seen_id = ?", row, last?.id ?? "");
  }

  /** Indexes invocations that had not ended when a pass first saw them. True if the pass is full. */
  #indexEnded(): boolean {
    const unindexed = this.#index.all<{ id: string }>("SELECT invocation_id AS id FROM unindexed");
    if (unindexed.length === 0) return false;
    const unfinished = new Set(this.#database.all<{ id: string }>(UNFINISHED).map(({ id }) => id));
    const ended = unindexed.filter(({ id }) => !unfinished.has(id)).slice(0, ROWS_PER_PASS_MAX);
    return untilFull(ended, ({ id }) => {
      this.#removeDocument(id);
      this.#index.run("DELETE FROM unindexed WHERE invocation_id = ?", id);
      return this.#addDocument(id);
    });
  }

  /** Indexes the invocations that no pass has seen. True if the pass is full. */
  #indexNew(): boolean {
    const unseen = this.#database.all<Unseen>(
      `SELECT rowid AS row, id, status IN ('SUCCESS', 'ERROR') AS hasEnded
        FROM invocations WHERE rowid > ? ORDER BY rowid LIMIT ?`,
      this.#seenRow,
      ROWS_PER_PASS_MAX,
    );
    let last: Unseen | undefined;
    const isFull = untilFull(unseen, (row) => {
      last = row;
      if (row.hasEnded === 1) return this.#addDocument(row.id);
      this.#await(row.id);
      return 0;
    });
    if (last !== undefined) this.#setSeen(last.row);
    return isFull;
  }

  /** Lets searches read the row itself, and a later pass index it. */
  #await(id: string): void {
    this.#index.run("INSERT OR IGNORE INTO unindexed VALUES (?)", id);
  }

  /** Returns the length of the texts. */
  #addDocument(id: string): number {
    const texts = this.#database.first<Texts>(
      "SELECT error, input, output FROM invocations WHERE id = ?",
      id,
    );
    if (texts === undefined) return 0;
    const { from, to } = numbersOf(id);
    const last = this.#index.first<{ number: number | null }>(
      "SELECT max(number) AS number FROM documents WHERE number >= ? AND number < ?",
      from,
      to,
    );
    const number = last?.number === undefined || last.number === null ? from : last.number + 1;
    const { error, input, output } = texts;
    const log = this.#logOf(id);
    this.#index.run("INSERT INTO documents VALUES (?, ?)", number, id);
    const text = indexedText([error, input, output, log]);
    this.#index.run("INSERT INTO trigrams (rowid, text) VALUES (?, ?)", number, text);
    this.#counts.add(text);
    return input.length + (output?.length ?? 0) + (error?.length ?? 0) + log.length;
  }

  /** The log lines of an invocation. All of them are committed with its end, or before. */
  #logOf(id: string): string {
    const lines = this.#database.all<{ message: string }>(
      "SELECT message FROM invocation_logs WHERE invocation_id = ? ORDER BY sequence",
      id,
    );
    return lines.map(({ message }) => message).join(SEPARATOR);
  }

  /** Removes the document of an invocation, if it has one. */
  #removeDocument(id: string): void {
    const { from, to } = numbersOf(id);
    const document = this.#index.first<{ number: number }>(
      "SELECT number FROM documents WHERE number >= ? AND number < ? AND invocation_id = ?",
      from,
      to,
      id,
    );
    if (document === undefined) return;
    this.#index.run("DELETE FROM trigrams WHERE rowid = ?", document.number);
    this.#index.run("DELETE FROM documents WHERE number = ?", document.number);
  }
}

/** Handles rows until their texts reach the limit of a pass. True if the pass is full. */
function untilFull<Row>(rows: readonly Row[], handle: (row: Row) => number): boolean {
  let units = 0;
  for (const row of rows) {
    units += handle(row);
    if (units > UNITS_PER_PASS_MAX) return true;
  }
  return rows.length === ROWS_PER_PASS_MAX;
}
