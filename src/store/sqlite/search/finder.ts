import type { SQLInputValue } from "node:sqlite";
import type { FoundPage, FoundRow, RowFilter } from "../../dialect.ts";
import type { Statements } from "../statements.ts";
import { firstIdOf, numbersOf, secondOf, secondOfNumber } from "./index_file.ts";
import type { TrigramCounts } from "./trigram_counts.ts";
import { matchOf, trigramsOf } from "./trigrams.ts";

/**
 * Limits of one page, in rows and in bytes of their texts that are read for it. A page that reaches one ends early, with
 * fewer rows or none, and the next page continues there. The last second of a page is always read as a whole.
 */
export const ROWS_PER_PAGE_MAX = 10_000;
export const BYTES_PER_PAGE_MAX = 64 * 1024 * 1024;
/** With more rows than this to index, as after an upgrade, a search reads rows instead of the index. */
const UNINDEXED_MAX = 10_000;

/** Trigrams of a text that documents are searched for: the rarest. Others would cost more than they exclude. */
const MATCHED_TRIGRAMS_MAX = 4;

interface Row {
  readonly id: string;
  readonly content_bytes: number;
  readonly log_bytes: number;
  readonly is_match: number | null;
}

interface Document {
  readonly number: number;
  readonly id: string;
}

/** A row that may contain the text, and the second that its id encodes. */
interface Candidate {
  readonly id: string;
  readonly second: number;
}

/** Sorts after every id. */
const AFTER_ALL_IDS = "~";

/** The rows that were read for a page, and those that were found. */
class Page {
  readonly #found = new Map<string, FoundRow>();
  readonly #limit: number;
  #rows = 0;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ id, content_bytes: contentBytes, log_bytes: logBytes, is_match }: Row): void {
    this.#rows++;
    this.#bytes += contentBytes + logBytes;
    if (is_match === 1) this.#found.set(id, { id, contentBytes });
  }

  get isFound(): boolean {
    return this.#found.size >= this.#limit;
  }

  get isFull(): boolean {
    return this.#rows >= ROWS_PER_PAGE_MAX || this.#bytes >= BYTES_PER_PAGE_MAX;
  }

  /** @param next every row from this id on was read; undefined if all rows were */
  end(next: string | undefined): FoundPage {
    const found = [...this.#found.values()].sort((a, b) => a.id < b.id ? 1 : -1);
    const rows = found.slice(0, this.#limit);
    // Rows that were found and left out come with the next page.
    return { rows, next: this.isFound ? rows.at(-1)?.id : next, visited: this.#rows };
  }
}

/** The index, as searches use it. */
export interface SearchIndex {
  readonly statements: Statements;
  readonly counts: TrigramCounts;
}

/** Finds invocations, by their index where it helps. */
export class Finder {
  readonly #database: Statements;
  readonly #index: SearchIndex | undefined;

  /** @param index undefined if it cannot be opened; then all rows are read */
  constructor(database: Statements, index: SearchIndex | undefined) {
    this.#database = database;
    this.#index = index;
  }

  /** A page of what the filter lets through, newest first. */
  find(filter: RowFilter): FoundPage {
    const trigrams = filter.text === undefined ? [] : trigramsOf(filter.text);
    // All queries of a page see the same state of the database. What the index knows in advance is checked there, and what
    // the index does not know yet is read there.
    return this.#database.transaction(() => {
      const index = trigrams.length === 0 ? undefined : this.#index;
      const unindexed = index && this.#unindexed(index.statements, filter.text);
      if (index === undefined || unindexed === undefined) return this.#scan(filter);
      const match = matchOf(index.counts.rarest(trigrams, MATCHED_TRIGRAMS_MAX));
      const documents = documentsOf(index.statements, filter, match);
      return this.#search(filter, merged(documents, unindexed));
    });
  }

  /** Reads row after row. */
  #scan({ sql, parameters, range, limit }: RowFilter): FoundPage {
    const page = new Page(limit);
    const rows = this.#database.each<Row>(
      `SELECT * FROM (${sql}) WHERE id < ? ORDER BY id DESC`,
      ...parameters as SQLInputValue[],
      range.before ?? AFTER_ALL_IDS,
    );
    let last: string | undefined;
    for (const row of rows) {
      if (page.isFound || page.isFull) return page.end(last);
      page.add(row);
      last = row.id;
    }
    return page.end(undefined);
  }

  /** Reads the rows that have every trigram of the text, and those that the index does not have yet. */
  #search(
    { sql, parameters, range, limit }: RowFilter,
    candidates: Iterable<Candidate>,
  ): FoundPage {
    const { before = AFTER_ALL_IDS, from = "" } = range;
    const page = new Page(limit);
    let second: number | undefined;
    for (const candidate of candidates) {
      // Documents of one second come in the order in which they were indexed, so a page ends between two seconds.
      if (second !== undefined && candidate.second !== second && (page.isFound || page.isFull)) {
        return page.end(firstIdOf(second));
      }
      second = candidate.second;
      if (candidate.id >= before || candidate.id < from) continue;
      const row = this.#database.first<Row>(
        `SELECT * FROM (${sql}) WHERE id = ?`,
        ...parameters as SQLInputValue[],
        candidate.id,
      );
      if (row !== undefined) page.add(row);
    }
    return page.end(undefined);
  }

  /**
   * Ids of the rows that the index does not have yet, and of that whose id is the text, which no index has. Undefined if
   * they are too many to read for each search.
   */
  #unindexed(index: Statements, text: string | undefined): string[] | undefined {
    const rows = [
      ...index.all<{ id: string }>("SELECT invocation_id AS id FROM unindexed"),
      ...this.#database.all<{ id: string }>(
        "SELECT id FROM invocations WHERE rowid > ? LIMIT ?",
        index.first<{ row: number }>("SELECT seen_row AS row FROM progress")?.row ?? 0,
        UNINDEXED_MAX + 1,
      ),
      ...this.#database.all<{ id: string }>("SELECT id FROM invocations WHERE id = ?", text ?? ""),
    ];
    return rows.length > UNINDEXED_MAX ? undefined : rows.map(({ id }) => id);
  }
}

/** Documents with every trigram, newest second first. */
function* documentsOf(
  index: Statements,
  { range: { before, from } }: RowFilter,
  match: string,
): Iterable<Candidate> {
  const documents = index.each<Document>(
    `SELECT d.number, d.invocation_id AS id
      FROM trigrams t CROSS JOIN documents d ON d.number = t.rowid
      WHERE t.trigrams MATCH ? AND t.rowid >= ? AND t.rowid < ? ORDER BY t.rowid DESC`,
    match,
    from === undefined ? 0 : numbersOf(from).from,
    before === undefined ? Number.MAX_SAFE_INTEGER : numbersOf(before).to,
  );
  for (const { number, id } of documents) yield { id, second: secondOfNumber(number) };
}

/** Both kinds of candidates, newest second first. */
function* merged(
  documents: Iterable<Candidate>,
  unindexed: readonly string[],
): Iterable<Candidate> {
  const rest = unindexed.toSorted().map((id) => ({ id, second: secondOf(id) }));
  const isNext = (second: number) => (rest.at(-1)?.second ?? -1) >= second;
  for (const document of documents) {
    while (isNext(document.second)) yield rest.pop() as Candidate;
    yield document;
  }
  yield* rest.toReversed();
}
