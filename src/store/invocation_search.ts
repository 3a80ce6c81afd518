import { type Kysely, type RawBuilder, sql } from "kysely";
import { ksuidAt } from "../shared/ksuids.ts";
import type { Capabilities, FoundRow, InvocationSearch } from "./dialect.ts";
import { afterPrefix, containing, cut, type Page, type PageRequest } from "./paging.ts";
import { FAILED, FAILURE, HAS_NOT_FAILED } from "./failures.ts";
import type { InvocationTable } from "./invocation_tables.ts";
import type { Schema } from "./schema.ts";

/** Which invocations a search finds. */
export interface InvocationFilter {
  /** Undefined for all functions. */
  readonly functionId: string | undefined;
  /** Of these functions, if `functionId` is undefined. */
  readonly functionIds?: readonly string[] | undefined;
  readonly triggerKind?: InvocationTable["triggerKind"] | undefined;
  /** Whether they failed: with an error, or by an answer with a status from 500 on. Undefined for both. */
  readonly failed?: boolean | undefined;
  /** The error code of their failure, see `failures.ts`. */
  readonly errorCode?: string | undefined;
  /** The invocation that started them. */
  readonly parentInvocationId?: string | undefined;
  readonly status?: InvocationTable["status"] | undefined;
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  /** Start of their ids. */
  readonly idPrefix?: string | undefined;
  /** Text to find in input, output, error or a log line, or a whole id. */
  readonly query?: string | undefined;
  /** Dead letters alone. */
  readonly isParked?: boolean | undefined;
}

/** Bytes of input and output that one page of invocations holds at most. A page with more ends early. */
const PAGE_CONTENT_BYTES_MAX = 8 * 1024 * 1024;

/** The least id of the second of a time (RFC 3339), or of a number of seconds later. */
export function firstIdOf(time: string, later = 0): string {
  return ksuidAt(Math.floor(new Date(time).getTime() / 1000) + later, 0n);
}

/** Finds the invocations of a page, newest first. */
export class InvocationFinder {
  /** @param search for what an index of the tables does not find; it runs beside the event loop */
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly capabilities: Capabilities,
    private readonly search: InvocationSearch,
  ) {}

  /** The rows of a page that holds no more content than {@link PAGE_CONTENT_BYTES_MAX}, but at least one invocation. */
  async findWhole(filter: InvocationFilter, page: PageRequest): Promise<Page<FoundRow>> {
    const found = await this.find(filter, page);
    let bytes = 0;
    const rows = found.rows.filter(({ contentBytes }, at) => {
      bytes += contentBytes;
      return at === 0 || bytes <= PAGE_CONTENT_BYTES_MAX;
    });
    return { rows, next: rows.length < found.rows.length ? rows.at(-1)?.id : found.next };
  }

  /** The rows of a page, whatever content they have. */
  async find(given: InvocationFilter, page: PageRequest): Promise<Page<FoundRow>> {
    const filter = simplified(given);
    const query = this.#matching(filter);
    // One row beyond the page shows whether another page follows.
    const limit = page.size + 1;
    const text = filter.query === "" ? undefined : filter.query;
    if (text === undefined && !isOfRow(filter)) {
      let ordered = query.orderBy("id", "desc").limit(limit);
      if (page.after !== undefined) ordered = ordered.where("id", "<", page.after);
      return cut(await ordered.execute(), page.size);
    }
    const range = rangeOf(filter, page);
    const { sql, parameters } = query.compile();
    const { rows, next } = await this.search.find({ sql, parameters, text, range, limit });
    return rows.length > page.size ? cut([...rows], page.size) : { rows: [...rows], next };
  }

  #matching(filter: InvocationFilter) {
    const { functionId, parentInvocationId, status, since, until, idPrefix, isParked } = filter;
    let select = this.db.selectFrom("invocations").select([
      "id",
      sql<number>`octet_length(input) + coalesce(octet_length(output), 0)`.as("contentBytes"),
      bytesOfLog(filter).as("logBytes"),
      this.#isMatch(filter).as("isMatch"),
    ]);
    const isUnfinished = status === "PENDING" || status === "RUNNING";
    if (functionId !== undefined) select = select.where("functionId", "=", functionId);
    else if (isUnfinished || isParked) {
      // With its first column SQLite uses the partial index, in which these few are.
      select = select.where("functionId", "in", this.db.selectFrom("functions").select("id"));
    }
    if (parentInvocationId !== undefined) {
      select = select.where("parentInvocationId", "=", parentInvocationId);
    }
    // SQLite uses a partial index only for its condition, in the same words.
    if (isParked) select = select.where("parkedAt", "is not", null);
    if (isUnfinished || (status === "ERROR" && functionId !== undefined)) {
      select = select.where(sql<boolean>`status <> 'SUCCESS'`)
        .where("status", "=", sql.lit(status));
    }
    if (filter.failed === true && functionId !== undefined) select = select.where(FAILED);
    // Ids encode the second of `createdAt`: this bounds the range of the index.
    if (since !== undefined) {
      select = select.where("createdAt", ">=", since).where("id", ">=", firstIdOf(since));
    }
    if (until !== undefined) {
      select = select.where("createdAt", "<", until).where("id", "<", firstIdOf(until, 1));
    }
    if (idPrefix !== undefined) {
      select = select.where("id", ">=", idPrefix).where("id", "<", afterPrefix(idPrefix));
    }
    return select;
  }

  /** What only the row itself shows. */
  #isMatch(filter: InvocationFilter) {
    const { status, failed, triggerKind, errorCode, functionIds, query = "" } = filter;
    const conditions = [
      ...failed === undefined ? [] : [failed ? FAILED : HAS_NOT_FAILED],
      ...status === undefined ? [] : [sql<boolean>`status = ${status}`],
      ...triggerKind === undefined ? [] : [sql<boolean>`trigger_kind = ${triggerKind}`],
      ...errorCode === undefined ? [] : [sql<boolean>`${FAILURE} = ${errorCode}`],
      ...functionIds === undefined ? [] : [sql<boolean>`function_id in (${sql.join(functionIds)})`],
    ];
    const ofRow = conditions.length === 0 ? sql<boolean>`1 = 1` : sql.join(conditions, sql` and `);
    if (query === "") return oneIf(ofRow);
    const like = sql.raw(this.capabilities.caseInsensitiveLike);
    const pattern = containing(query);
    const found = sql<boolean>`${ofRow} and (id = ${query}
      or coalesce(error, '') ${like} ${pattern} escape '\\'
      or input ${like} ${pattern} escape '\\' or coalesce(output, '') ${like} ${pattern} escape '\\'
      or ${
      ofLog(sql`max(case when message ${like} ${pattern} escape '\\' then 1 else 0 end)`)
    } = 1)`;
    return oneIf(found);
  }
}

/** The same filter in the form of the indexes: an error code implies a failure, and one function is not a list. */
function simplified(filter: InvocationFilter): InvocationFilter {
  const { functionId, functionIds, errorCode, failed } = filter;
  const isOne = functionId === undefined && functionIds?.length === 1;
  return {
    ...filter,
    functionId: isOne ? functionIds[0] : functionId,
    functionIds: isOne || functionId !== undefined ? undefined : functionIds,
    failed: failed ?? (errorCode === undefined ? undefined : true),
  };
}

/** Whether only rows show what the filter finds, text apart. */
function isOfRow(
  { status, failed, triggerKind, errorCode, functionIds }: InvocationFilter,
): boolean {
  return [status, failed, triggerKind, errorCode, functionIds].some((each) => each !== undefined);
}

/**
 * An aggregate of the log lines of each row; 0 without lines. PostgreSQL would answer an EXISTS with a hash of the log lines of
 * all invocations.
 */
function ofLog(aggregate: RawBuilder<unknown>) {
  return sql<number>`coalesce((select ${aggregate} from invocation_logs
    where invocation_id = invocations.id), 0)`;
}

/** The bytes of the log lines that a search for a text reads. */
function bytesOfLog({ query = "" }: InvocationFilter) {
  if (query === "") return sql<number>`0`;
  return ofLog(sql`cast(sum(octet_length(message)) as integer)`);
}

/** Databases differ in their truth values. */
function oneIf(condition: RawBuilder<unknown>) {
  return sql<number>`case when ${condition} then 1 else 0 end`;
}

/** The ids that the filter and the page allow. */
function rangeOf({ since, until, idPrefix }: InvocationFilter, { after }: PageRequest) {
  const from = [idPrefix, ...since === undefined ? [] : [firstIdOf(since)]];
  const before = [
    after,
    ...idPrefix === undefined ? [] : [afterPrefix(idPrefix)],
    ...until === undefined ? [] : [firstIdOf(until, 1)],
  ];
  const given = (ids: readonly (string | undefined)[]) =>
    ids.filter((id) => id !== undefined).sort();
  return { from: given(from).at(-1), before: given(before)[0] };
}
