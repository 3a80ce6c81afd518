import type { SQLInputValue } from "node:sqlite";
import type { FoundPage, RowFilter } from "../../dialect.ts";
import { AFTER_ALL_IDS, type SearchedRow, SearchPage, TRIGRAM_CHARS } from "../../search_page.ts";
import type { Statements } from "../statements.ts";
import { idsOf, numberOf } from "./index_file.ts";

/** With more invocations than this to index a search reads rows instead of the index. */
const UNINDEXED_MAX = 10_000;
/** Most trigrams of one text that documents are searched for. */
const MATCHED_TRIGRAMS_MAX = 8;

/**
 * The invocations that the index does not have: those of the queue, those that have not ended, in the words of their
 * partial index, and the one whose id is the text.
 */
const UNINDEXED = `SELECT id FROM unindexed_invocations WHERE sequence > ?
  UNION ALL SELECT id FROM invocations
    WHERE status <> 'SUCCESS' AND status IN ('PENDING', 'RUNNING')
      AND function_id IN (SELECT id FROM functions)
  UNION ALL SELECT id FROM invocations WHERE id = ?
  LIMIT ${UNINDEXED_MAX + 1}`;

/** An index that has the history, and the queue up to an entry. */
interface FilledIndex {
  readonly statements: Statements;
  readonly sequence: number;
}

/**
 * A page of what the filter lets through, newest first.
 * @param index undefined to read all rows
 */
export function findRows(
  database: Statements,
  index: FilledIndex | undefined,
  filter: RowFilter,
): FoundPage {
  // All queries of a page see the same state of the database.
  return database.transaction(() => {
    const page = new SearchPage(filter.limit);
    for (const row of rowsOf(database, index, filter)) {
      if (page.isFull) return page.end(false);
      page.add(row);
    }
    return page.end(true);
  });
}

/** All rows, or at least those with the text, newest first. */
function rowsOf(
  database: Statements,
  index: FilledIndex | undefined,
  filter: RowFilter,
): Iterable<SearchedRow> {
  const { text = "" } = filter;
  const match = matchOf(text);
  if (index !== undefined && match !== undefined) {
    const unindexed = database.all<{ readonly id: string }>(UNINDEXED, index.sequence, text);
    if (unindexed.length <= UNINDEXED_MAX) {
      const documents = documentsOf(index.statements, match, filter);
      return candidates(database, filter, merged(documents, unindexed));
    }
  }
  return database.each<SearchedRow>(
    `SELECT * FROM (${filter.sql}) WHERE id < ? ORDER BY id DESC`,
    ...filter.parameters as SQLInputValue[],
    filter.range.before ?? AFTER_ALL_IDS,
  );
}

/** The rows of these documents. */
function* candidates(
  database: Statements,
  { sql, parameters, range: { before = AFTER_ALL_IDS, from = "" } }: RowFilter,
  numbers: Iterable<number>,
): Iterable<SearchedRow> {
  for (const number of numbers) {
    yield* database.all<SearchedRow>(
      `SELECT * FROM (${sql}) WHERE id >= ? AND id <= ? AND id >= ? AND id < ? ORDER BY id DESC`,
      ...parameters as SQLInputValue[],
      ...idsOf(number),
      from,
      before,
    );
  }
}

/** Numbers of the documents with every trigram, newest first. */
function* documentsOf(
  index: Statements,
  match: string,
  { range: { before = AFTER_ALL_IDS, from = "" } }: RowFilter,
): Iterable<number> {
  const documents = index.each<{ readonly number: number }>(
    `SELECT rowid AS number FROM trigrams
      WHERE trigrams MATCH ? AND rowid >= ? AND rowid <= ? ORDER BY rowid DESC`,
    match,
    numberOf(from),
    numberOf(before, "z"),
  );
  for (const { number } of documents) yield number;
}

/** Both kinds of documents, newest first. */
function* merged(
  documents: Iterable<number>,
  unindexed: readonly { readonly id: string }[],
): Iterable<number> {
  const rest = [...new Set(unindexed.map(({ id }) => numberOf(id)))].sort((a, b) => a - b);
  for (const document of documents) {
    while ((rest.at(-1) ?? -1) > document) yield rest.pop() as number;
    if (rest.at(-1) === document) rest.pop();
    yield document;
  }
  yield* rest.reverse();
}

/**
 * The query of FTS5 for the documents with the trigrams of a text, which are spread over a long one; undefined for a text
 * that is too short.
 */
function matchOf(text: string): string | undefined {
  const chars = [...text];
  const last = chars.length - TRIGRAM_CHARS;
  if (last < 0) return undefined;
  const step = Math.max(1, last / (MATCHED_TRIGRAMS_MAX - 1));
  const trigrams = new Set<string>();
  for (let at = 0; at <= last; at += step) {
    const from = Math.round(at);
    const trigram = chars.slice(from, from + TRIGRAM_CHARS).join("");
    trigrams.add(`"${trigram.replaceAll('"', '""')}"`);
  }
  return [...trigrams].join(" AND ");
}
