import type { FoundPage, InvocationSearch, RowFilter } from "../dialect.ts";
import { containing } from "../paging.ts";
import {
  AFTER_ALL_IDS,
  ROWS_PER_PAGE_MAX,
  type SearchedRow,
  SearchPage,
  TRIGRAM_CHARS,
} from "../search_page.ts";
import { stateOf } from "./errors.ts";
import type { ConnectionPool, TakenConnection } from "./pools.ts";

/** Rows that are fetched at a time. */
const ROWS_PER_FETCH = 64;
/** The newest rows, which are read before the index is asked: a frequent text is found among them. */
const ROWS_BEFORE_INDEX = 512;
/** How long the index may search; then rows are read. */
const INDEX_TIMEOUT_MS = 2_000;
const QUERY_CANCELLED = "57014";

/** Finds invocations on connections of their own. */
export class PostgresSearch implements InvocationSearch {
  /** @param hasIndex whether the tables have their indexes of trigrams */
  constructor(private readonly pool: ConnectionPool, private readonly hasIndex: () => boolean) {}

  async find(filter: RowFilter): Promise<FoundPage> {
    const connection = await this.pool.connect();
    try {
      return await this.#find(connection, filter);
    } finally {
      connection.release();
    }
  }

  async #find(connection: TakenConnection, filter: RowFilter): Promise<FoundPage> {
    const { text, range: { before = AFTER_ALL_IDS } } = filter;
    const page = new SearchPage(filter.limit);
    const read = (rowsMax: number) => scan(connection, filter, page, rowsMax);
    if (text === undefined || [...text].length < TRIGRAM_CHARS || !this.hasIndex()) {
      return page.end(await read(ROWS_PER_PAGE_MAX));
    }
    if (await read(ROWS_BEFORE_INDEX)) return page.end(true);
    if (page.isFull) return page.end(false);
    const rest = { before: page.last ?? before, limit: filter.limit - page.rows.length };
    const found = await search(connection, filter, text, rest);
    if (found === undefined) return page.end(await read(ROWS_PER_PAGE_MAX));
    for (const row of found) page.add({ ...row, log_bytes: 0 });
    return page.end(found.length < rest.limit);
  }
}

/** Reads rows, newest first, until the page has this number of them. Returns whether all rows were read. */
async function scan(
  connection: TakenConnection,
  { sql, parameters, range: { before = AFTER_ALL_IDS } }: RowFilter,
  page: SearchPage,
  rowsMax: number,
): Promise<boolean> {
  await connection.query("begin read only");
  try {
    await connection.query(
      `declare page no scroll cursor for select * from (${sql}) rows where id < $${
        parameters.length + 1
      } order by id desc`,
      [...parameters, page.last ?? before],
    );
    while (!page.isFull && page.visited < rowsMax) {
      const { rows } = await connection.query(`fetch ${ROWS_PER_FETCH} from page`);
      for (const row of rows as SearchedRow[]) {
        if (page.isFull) return false;
        page.add(row);
      }
      if (rows.length < ROWS_PER_FETCH) return true;
    }
    return false;
  } finally {
    await connection.query("rollback");
  }
}

/** Reads the rows that the index finds before an id; undefined if it takes too long. */
async function search(
  connection: TakenConnection,
  { sql, parameters, range: { from = "" } }: RowFilter,
  text: string,
  { before, limit }: { readonly before: string; readonly limit: number },
): Promise<SearchedRow[] | undefined> {
  const at = (number: number) => `$${parameters.length + number}`;
  const like = `ilike ${at(3)} escape '\\'`;
  await connection.query("begin read only");
  try {
    await connection.query(`set local statement_timeout = ${INDEX_TIMEOUT_MS}`);
    const { rows } = await connection.query(
      `select * from (${sql}) rows where is_match = 1 and id in (
        select id from invocations where id < ${at(1)} and id >= ${at(2)}
          and (input ${like} or output ${like} or error ${like} or id = ${at(4)})
        union all
        select invocation_id from invocation_logs
          where invocation_id < ${at(1)} and invocation_id >= ${at(2)} and message ${like}
      ) order by id desc limit ${limit}`,
      [...parameters, before, from, containing(text), text],
    );
    return rows;
  } catch (error) {
    if (stateOf(error) !== QUERY_CANCELLED) throw error;
    return undefined;
  } finally {
    await connection.query("rollback");
  }
}
