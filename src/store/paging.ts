import type { ReferenceExpression, SelectQueryBuilder } from "kysely";
import type { Schema } from "./schema.ts";

/**
 * A page of a list that is ordered newest first. Paging goes by key, not by offset: rows that appear or disappear
 * between two pages neither repeat nor hide other rows.
 */
export interface PageRequest {
  readonly size: number;
  /** Id of the last row of the previous page; undefined for the first page. */
  readonly after: string | undefined;
}

export interface Page<Row> {
  readonly rows: Row[];
  /** Id after which the next page begins; undefined on the last page. */
  readonly next: string | undefined;
}

/** Runs the query for one page, with one row beyond it, which shows whether the page is the last. */
export async function fetchPage<T extends keyof Schema & string, Row extends { id: string }>(
  query: SelectQueryBuilder<Schema, T, Row>,
  idColumn: ReferenceExpression<Schema, T>,
  page: PageRequest,
): Promise<Page<Row>> {
  let ordered = query.orderBy(idColumn, "desc").limit(page.size + 1);
  if (page.after !== undefined) ordered = ordered.where(idColumn, "<", page.after as never);
  const rows = await ordered.execute();
  return cut(rows, page.size);
}

/** The number of rows that a query finds. */
export async function countRows<T extends keyof Schema & string>(
  query: SelectQueryBuilder<Schema, T, unknown>,
): Promise<number> {
  const { count } = await query.select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** The first `size` rows as a page; a row beyond them means that another page follows. */
export function cut<Row extends { id: string }>(rows: Row[], size: number): Page<Row> {
  if (rows.length <= size) return { rows, next: undefined };
  const kept = rows.slice(0, size);
  return { rows: kept, next: kept.at(-1)?.id };
}

/** Above every id that begins with the prefix, in the order of the database: ids have letters and digits alone. */
export function afterPrefix(idPrefix: string): string {
  return `${idPrefix}~`;
}

/** A LIKE pattern that finds the text anywhere, its own wildcards taken literally (`escape '\'`). */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (c) => `\\${c}`)}%`;
}
