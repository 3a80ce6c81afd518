import KSUID from "ksuid";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Capabilities } from "./dialect.ts";
import { containing, cut, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { IdempotencyKeyTable, InvocationLogTable, InvocationTable, Schema } from "./schema.ts";
import { Statement, type StatementRunner, type Variable } from "./statement.ts";

export type InvocationRow = Selectable<InvocationTable>;
export type InvocationLogRow = Selectable<InvocationLogTable>;
export type IdempotencyRow = Selectable<IdempotencyKeyTable>;
export type InvocationStatus = InvocationTable["status"];

/** The end of an invocation. */
export type InvocationEnd =
  | { readonly status: "SUCCESS"; readonly output: string }
  | { readonly status: "ERROR"; readonly error: string };

/** The end of an invocation with the versions of its volume. */
export interface InvocationConclusion {
  readonly end: InvocationEnd;
  /** Undefined if it had no volume. */
  readonly volumeVersionRead?: number;
  /** Undefined if it did not change the volume. */
  readonly volumeVersionWritten?: number;
  /** Undefined if it got no process. */
  readonly processKind?: InvocationRow["processKind"] | undefined;
}

export interface InvocationSearch {
  /** Undefined for all functions. */
  readonly functionId: string | undefined;
  /** The invocation that started them. */
  readonly parentInvocationId?: string | undefined;
  readonly status?: InvocationStatus | undefined;
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  /** Text to find in input, output or error, or a whole id. */
  readonly query?: string | undefined;
}

/** Bytes of input and output that one page of invocations holds at most. A page with more ends early. */
const PAGE_CONTENT_BYTES_MAX = 8 * 1024 * 1024;

/** The range of seconds, since 1970, that a KSUID can encode. */
const KSUID_SECONDS = { first: 1_400_000_000, last: 1_400_000_000 + 0xffff_ffff } as const;
const KSUID_PAYLOAD_BYTES = 16;

/** The least id of the second of a time (RFC 3339), or of a number of seconds later. */
function firstIdOf(time: string, later = 0): string {
  const seconds = Math.floor(new Date(time).getTime() / 1000) + later;
  const encoded = Math.min(Math.max(seconds, KSUID_SECONDS.first), KSUID_SECONDS.last);
  return KSUID.fromParts(encoded * 1000, Buffer.alloc(KSUID_PAYLOAD_BYTES)).string;
}

/** Reads invocations, their logs and idempotency keys. */
export class InvocationReader {
  constructor(
    protected readonly db: Kysely<Schema>,
    protected readonly capabilities: Capabilities,
  ) {}

  get(functionId: string, id: string): Promise<InvocationRow | undefined> {
    return this.db.selectFrom("invocations").selectAll()
      .where("id", "=", id).where("functionId", "=", functionId).executeTakeFirst();
  }

  async status(functionId: string, id: string): Promise<InvocationStatus | undefined> {
    const row = await this.db.selectFrom("invocations").select("status")
      .where("id", "=", id).where("functionId", "=", functionId).executeTakeFirst();
    return row?.status;
  }

  /** Invocations, newest first. */
  async search(search: InvocationSearch, page: PageRequest): Promise<Page<InvocationRow>> {
    const sizes = await fetchPage(this.#matching(search), "id", page);
    let bytes = 0;
    const ids: string[] = [];
    for (const row of sizes.rows) {
      bytes += row.contentBytes;
      if (ids.length > 0 && bytes > PAGE_CONTENT_BYTES_MAX) break;
      ids.push(row.id);
    }
    if (ids.length === 0) return { rows: [], next: undefined };
    const rows = await this.db.selectFrom("invocations").selectAll()
      .where("id", "in", ids).orderBy("id", "desc").execute();
    return { rows, next: ids.length < sizes.rows.length ? ids.at(-1) : sizes.next };
  }

  #matching(search: InvocationSearch) {
    const { functionId, parentInvocationId, status, since, until, query } = search;
    let select = this.db.selectFrom("invocations").select([
      "id",
      sql<number>`octet_length(input) + coalesce(octet_length(output), 0)`.as("contentBytes"),
    ]);
    if (functionId !== undefined) select = select.where("functionId", "=", functionId);
    if (parentInvocationId !== undefined) {
      select = select.where("parentInvocationId", "=", parentInvocationId);
    }
    if (status !== undefined) select = select.where("status", "=", sql.lit(status));
    // SQLite uses the partial index of other statuses only for its condition, in the same words.
    if (status !== undefined && status !== "SUCCESS") {
      select = select.where(sql<boolean>`status <> 'SUCCESS'`);
    }
    // Ids encode the second of `createdAt`: this bounds the range of the index.
    if (since !== undefined) {
      select = select.where("createdAt", ">=", since).where("id", ">=", firstIdOf(since));
    }
    if (until !== undefined) {
      select = select.where("createdAt", "<", until).where("id", "<", firstIdOf(until, 1));
    }
    if (query !== undefined && query !== "") {
      const like = sql.raw(this.capabilities.caseInsensitiveLike);
      const pattern = containing(query);
      select = select.where((where) =>
        where.or([
          where("id", "=", query),
          sql<boolean>`error ${like} ${pattern} escape '\\'`,
          sql<boolean>`input ${like} ${pattern} escape '\\'`,
          sql<boolean>`output ${like} ${pattern} escape '\\'`,
        ])
      );
    }
    return select;
  }

  /** Invocations that have not ended, oldest first. */
  unfinished(): Promise<InvocationRow[]> {
    return this.db.selectFrom("invocations").selectAll()
      // In the words of the partial index, and with its first column: it is small, however long the history is.
      .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
      .where("functionId", "in", this.db.selectFrom("functions").select("id"))
      .orderBy("id").execute();
  }

  /** Log lines after a sequence number, in order; the next page begins after `next`. */
  async logs(
    invocationId: string,
    after: number,
    size: number,
  ): Promise<{ rows: InvocationLogRow[]; next: number | undefined }> {
    const rows = await this.db.selectFrom("invocationLogs").selectAll()
      .where("invocationId", "=", invocationId).where("sequence", ">", after)
      .orderBy("sequence").limit(size + 1).execute();
    const page = cut(rows.map((row) => ({ ...row, id: String(row.sequence) })), size);
    return { rows: page.rows, next: page.next === undefined ? undefined : Number(page.next) };
  }

  idempotencyKey(
    principalId: string,
    functionId: string,
    key: string,
  ): Promise<IdempotencyRow | undefined> {
    return this.db.selectFrom("idempotencyKeys").selectAll().where("principalId", "=", principalId)
      .where("functionId", "=", functionId).where("key", "=", key).executeTakeFirst();
  }
}

const INVOCATION_COLUMNS = Object.keys(
  {
    id: true,
    functionId: true,
    commitId: true,
    principalId: true,
    parentInvocationId: true,
    depth: true,
    processReuse: true,
    mode: true,
    status: true,
    input: true,
    output: true,
    error: true,
    volumeId: true,
    volumeVersionRead: true,
    volumeVersionWritten: true,
    processKind: true,
    createdAt: true,
    updatedAt: true,
  } satisfies Record<keyof InvocationRow, true>,
) as (keyof InvocationRow)[];

const LOG_COLUMNS = Object.keys(
  {
    invocationId: true,
    sequence: true,
    time: true,
    level: true,
    source: true,
    message: true,
  } satisfies Record<keyof InvocationLogRow, true>,
) as (keyof InvocationLogRow)[];

/** What the end of an invocation sets; null was the value of all but status and time before. */
interface EndColumns extends Pick<InvocationRow, "id" | "status" | "updatedAt"> {
  readonly output: string | null;
  readonly error: string | null;
  readonly volumeVersionRead: number | null;
  readonly volumeVersionWritten: number | null;
  readonly processKind: InvocationRow["processKind"];
}

/** Writes invocations, their logs and idempotency keys. */
export class InvocationWriter extends InvocationReader {
  readonly #insert: Statement<InvocationRow>;
  readonly #start: Statement<{ id: string; now: string }>;
  readonly #finish: Statement<EndColumns>;
  readonly #appendLog: Statement<InvocationLogRow>;

  constructor(db: Kysely<Schema>, capabilities: Capabilities, statements: StatementRunner) {
    super(db, capabilities);
    this.#insert = new Statement(
      statements,
      (variable) => db.insertInto("invocations").values(variablesOf(INVOCATION_COLUMNS, variable)),
    );
    this.#start = new Statement(
      statements,
      (variable) =>
        db.updateTable("invocations").set({ status: "RUNNING", updatedAt: variable("now") })
          .where("id", "=", variable("id")).where("status", "=", "PENDING"),
    );
    this.#finish = new Statement(
      statements,
      (variable) =>
        db.updateTable("invocations").set({
          status: variable("status"),
          output: variable("output"),
          error: variable("error"),
          volumeVersionRead: variable("volumeVersionRead"),
          volumeVersionWritten: variable("volumeVersionWritten"),
          processKind: variable("processKind"),
          updatedAt: variable("updatedAt"),
        }).where("id", "=", variable("id")).where("status", "in", ["PENDING", "RUNNING"]),
    );
    this.#appendLog = new Statement(
      statements,
      (variable) => db.insertInto("invocationLogs").values(variablesOf(LOG_COLUMNS, variable)),
    );
  }

  async insert(row: InvocationRow): Promise<void> {
    await this.#insert.run(row);
  }

  /** Records the invocation of a key, in place of an older one. */
  async putIdempotencyKey(row: IdempotencyRow): Promise<void> {
    await this.db.insertInto("idempotencyKeys").values(row)
      .onConflict((c) => c.columns(["principalId", "functionId", "key"]).doUpdateSet(row))
      .execute();
  }

  async deleteIdempotencyKeysBefore(time: string): Promise<void> {
    await this.db.deleteFrom("idempotencyKeys").where("createdAt", "<", time).execute();
  }

  /** PENDING to RUNNING; false if it is not pending. */
  async start(id: string, now: string): Promise<boolean> {
    return await this.#start.run({ id, now }) > 0;
  }

  /** To SUCCESS or ERROR; false if it has ended already: the first end is final. */
  async finish(
    id: string,
    { end, volumeVersionRead, volumeVersionWritten, processKind }: InvocationConclusion,
    updatedAt: string,
  ): Promise<boolean> {
    const columns = {
      id,
      status: end.status,
      output: end.status === "SUCCESS" ? end.output : null,
      error: end.status === "ERROR" ? end.error : null,
      volumeVersionRead: volumeVersionRead ?? null,
      volumeVersionWritten: volumeVersionWritten ?? null,
      processKind: processKind ?? null,
      updatedAt,
    };
    return await this.#finish.run(columns) > 0;
  }

  /** Whether it has not ended. */
  async isUnfinished(id: string): Promise<boolean> {
    const row = await this.db.selectFrom("invocations").select("id")
      .where("id", "=", id).where("status", "in", ["PENDING", "RUNNING"]).executeTakeFirst();
    return row !== undefined;
  }

  async appendLogs(rows: readonly InvocationLogRow[]): Promise<void> {
    for (const row of rows) await this.#appendLog.run(row);
  }
}

/** A variable for each column of a row. */
function variablesOf<Row extends object>(
  columns: readonly (keyof Row & string)[],
  variable: Variable<Row>,
): Row {
  return Object.fromEntries(columns.map((column) => [column, variable(column)])) as Row;
}
