import type { FoundPage, FoundRow, InvocationSearch, RowFilter } from "../dialect.ts";
import { containing } from "../paging.ts";
import { stateOf } from "./errors.ts";
import type { ConnectionPool, TakenConnection } from "./pools.ts";

/** Limits of one page, in rows and in bytes of their texts that are read for it. The next page continues there. */
const ROWS_PER_PAGE_MAX = 10_000;
const BYTES_PER_PAGE_MAX = 64 * 1024 * 1024;
/** Rows that are fetched at a time. */
const ROWS_PER_FETCH = 64;
/** The newest rows, which are read before the index is asked: a frequent text is found among them. */
const ROWS_BEFORE_INDEX = 512;
/** How long the index may search; then rows are read. */
const INDEX_TIMEOUT_MS = 2_000;
/** Shortest text, in characters, that the index can find. */
const TRIGRAM_CHARS = 3;
const QUERY_CANCELLED = "57014";

/** Sorts after every id. */
const AFTER_ALL_IDS = "~";

interface Row {
  readonly id: string;
  readonly content_bytes: number;
  readonly log_bytes: number;
  readonly is_match: number;
}

/** What a part of a page has found. */
interface Found {
  readonly rows: readonly FoundRow[];
  /** The last row that was read; undefined if all rows were. */
  readonly last: string | undefined;
  readonly visited: number;
  readonly bytes: number;
}

/** Finds invocations on connections of their own. */
export class PostgresSearch implements InvocationSearch {
  readonly #pool: ConnectionPool;
  readonly #hasIndex: () => boolean;

  /** @param hasIndex whether the tables have their indexes of trigrams */
  constructor(pool: ConnectionPool, hasIndex: () => boolean) {
    this.#pool = pool;
    this.#hasIndex = hasIndex;
  }

  async find(filter: RowFilter): Promise<FoundPage> {
    const connection = await this.#pool.connect();
    try {
      return await this.#find(connection, filter);
    } finally {
      connection.release();
    }
  }

  async #find(connection: TakenConnection, filter: RowFilter): Promise<FoundPage> {
    const { text, range: { before = AFTER_ALL_IDS } } = filter;
    const usesIndex = text !== undefined && [...text].length >= TRIGRAM_CHARS && this.#hasIndex();
    const first = await scan(connection, filter, before, {
      rows: usesIndex ? ROWS_BEFORE_INDEX : ROWS_PER_PAGE_MAX,
      found: filter.limit,
    });
    if (!usesIndex || isEnd(first, filter.limit)) return pageOf([first], filter.limit);
    const rest = { ...filter, limit: filter.limit - first.rows.length };
    const indexed = await search(connection, rest, first.last ?? before, text);
    const second = indexed ?? await scan(connection, rest, first.last ?? before, {
      rows: ROWS_PER_PAGE_MAX - first.visited,
      found: rest.limit,
    });
    return pageOf([first, second], filter.limit);
  }
}

function isEnd({ rows, last, bytes }: Found, limit: number): boolean {
  return last === undefined || rows.length >= limit || bytes >= BYTES_PER_PAGE_MAX;
}

function pageOf(parts: readonly Found[], limit: number): FoundPage {
  const rows = parts.flatMap((part) => part.rows);
  const isFull = rows.length >= limit;
  return {
    rows,
    next: isFull ? rows.at(-1)?.id : parts.at(-1)?.last,
    visited: parts.reduce((sum, { visited }) => sum + visited, 0),
  };
}

/** Reads row after row before an id, newest first. */
async function scan(
  connection: TakenConnection,
  { sql, parameters }: RowFilter,
  before: string,
  most: { readonly rows: number; readonly found: number },
): Promise<Found> {
  const rows: FoundRow[] = [];
  let [visited, bytes] = [0, 0];
  let last: string | undefined;
  await connection.query("begin read only");
  try {
    await connection.query(
      `declare page no scroll cursor for select * from (${sql}) rows where id < $${
        parameters.length + 1
      } order by id desc`,
      [...parameters, before],
    );
    while (visited < most.rows && bytes < BYTES_PER_PAGE_MAX && rows.length < most.found) {
      const batch: Row[] = (await connection.query(`fetch ${ROWS_PER_FETCH} from page`)).rows;
      for (const row of batch) {
        if (rows.length >= most.found) break;
        visited++;
        bytes += row.content_bytes + row.log_bytes;
        last = row.id;
        if (row.is_match === 1) rows.push({ id: row.id, contentBytes: row.content_bytes });
      }
      if (batch.length < ROWS_PER_FETCH && rows.length < most.found) {
        return { rows, last: undefined, visited, bytes };
      }
    }
    return { rows, last, visited, bytes };
  } finally {
    await connection.query("rollback");
  }
}

/** Reads the rows that the index finds before an id; undefined if it takes too long. */
async function search(
  connection: TakenConnection,
  { sql, parameters, limit, range: { from = "" } }: RowFilter,
  before: string,
  text: string,
): Promise<Found | undefined> {
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
    const found = (rows as Row[]).map(({ id, content_bytes: contentBytes }) => ({
      id,
      contentBytes,
    }));
    return { rows: found, last: undefined, visited: found.length, bytes: 0 };
  } catch (error) {
    if (stateOf(error) !== QUERY_CANCELLED) throw error;
    return undefined;
  } finally {
    await connection.query("rollback");
  }
}
