import { type Kysely, type Selectable, sql } from "kysely";
import type { Content } from "../shared/content.ts";
import type { Capabilities } from "./dialect.ts";
import type { InvocationFilter, InvocationFinder } from "./invocation_search.ts";
import { cut, type Page, type PageRequest } from "./paging.ts";
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

/**
 * An invocation with its input and output as they are stored: the UTF-8 text of JSON objects. It was validated when it was
 * stored, so whoever passes it on need not parse it.
 */
export type InvocationRecord = Omit<InvocationRow, ContentColumn | "variables"> & {
  readonly input: Content;
  readonly output: Content | null;
};

/** Longest input or output, in bytes, that is read together with the row. A longer one is read beside the event loop. */
export const INLINE_CONTENT_BYTES_MAX = 16 * 1024;
/** Most content of a page that is read together with its rows. */
const INLINE_PAGE_BYTES_MAX = 256 * 1024;

type ContentColumn = "input" | "output";

/** One attempt of a call: only its owner may record something of it, and only while no later one has begun. */
export interface Attempt {
  readonly id: string;
  /** The id of a node. */
  readonly owner: string;
  /** Its number; 0 before the first one. */
  readonly attempt: number;
}

/** An invocation that has not ended and whose owner does not live, or was never known. */
export type OrphanedInvocation = InvocationRow & { readonly owner: string };

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
    timeoutMs: true,
    cpuTimeMs: true,
    memoryBytes: true,
    maxConcurrency: true,
    variables: true,
    volumeId: true,
    volumeVersionRead: true,
    volumeVersionWritten: true,
    processKind: true,
    attempt: true,
    maxAttempts: true,
    owner: true,
    worker: true,
    createdAt: true,
    updatedAt: true,
  } satisfies Record<keyof InvocationRow, true>,
) as (keyof InvocationRow)[];

const RECORD_COLUMNS = INVOCATION_COLUMNS.filter((
  column,
): column is Exclude<keyof InvocationRow, ContentColumn | "variables"> =>
  column !== "input" && column !== "output" && column !== "variables"
);

/** Reads idempotency keys. */
class IdempotencyKeyReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  idempotencyKey(
    principalId: string,
    functionId: string,
    key: string,
  ): Promise<IdempotencyRow | undefined> {
    return this.db.selectFrom("idempotencyKeys").selectAll().where("principalId", "=", principalId)
      .where("functionId", "=", functionId).where("key", "=", key).executeTakeFirst();
  }
}

/** What reads beside the event loop. */
export interface LongReads {
  readonly long: Kysely<Schema>;
  readonly finder: InvocationFinder;
}

/** Reads invocations, their logs and idempotency keys. */
export class InvocationReader extends IdempotencyKeyReader {
  constructor(
    db: Kysely<Schema>,
    private readonly capabilities: Capabilities,
    private readonly reads: LongReads,
  ) {
    super(db);
  }

  async get(functionId: string, id: string): Promise<InvocationRecord | undefined> {
    const records = this.#records(INLINE_CONTENT_BYTES_MAX);
    const row = await records.where("id", "=", id).where("functionId", "=", functionId)
      .executeTakeFirst();
    return row && this.#recordOf(row);
  }

  async status(functionId: string, id: string): Promise<InvocationStatus | undefined> {
    const row = await this.db.selectFrom("invocations").select("status")
      .where("id", "=", id).where("functionId", "=", functionId).executeTakeFirst();
    return row?.status;
  }

  /** Invocations, newest first. */
  async search(filter: InvocationFilter, page: PageRequest): Promise<Page<InvocationRecord>> {
    const { rows: found, next } = await this.reads.finder.find(filter, page);
    if (found.length === 0) return { rows: [], next };
    const bytes = found.reduce((sum, { contentBytes }) => sum + contentBytes, 0);
    const inlineMax = bytes <= INLINE_PAGE_BYTES_MAX ? INLINE_CONTENT_BYTES_MAX : 0;
    const rows = await this.#records(inlineMax).where("id", "in", found.map(({ id }) => id))
      .orderBy("id", "desc").execute();
    return { rows: rows.map((row) => this.#recordOf(row)), next };
  }

  /** A stored input or output. */
  async content(id: string, column: ContentColumn): Promise<Uint8Array> {
    const { bytes } = await this.reads.long.selectFrom("invocations")
      .select(this.capabilities.bytesOf(sql.ref(column)).as("bytes"))
      .where("id", "=", id).executeTakeFirstOrThrow();
    return bytes;
  }

  /** @param inlineMax bytes of the longest content to read together with its row */
  #records(inlineMax: number) {
    const bytes = (column: ContentColumn) => sql<number | null>`octet_length(${sql.ref(column)})`;
    const inline = (column: ContentColumn) =>
      sql<Uint8Array | null>`case when octet_length(${sql.ref(column)}) <= ${
        sql.lit(inlineMax)
      } then ${this.capabilities.bytesOf(sql.ref(column))} end`;
    return this.db.selectFrom("invocations").select([
      ...RECORD_COLUMNS,
      bytes("input").as("inputBytes"),
      inline("input").as("input"),
      bytes("output").as("outputBytes"),
      inline("output").as("output"),
    ]);
  }

  #recordOf(
    { inputBytes, outputBytes, ...row }:
      & Omit<InvocationRow, ContentColumn | "variables">
      & Record<`${ContentColumn}Bytes`, number | null>
      & Record<ContentColumn, Uint8Array | null>,
  ): InvocationRecord {
    const content = (column: ContentColumn, byteLength: number): Content =>
      row[column] ?? { byteLength, read: () => this.content(row.id, column) };
    return {
      ...row,
      input: content("input", inputBytes ?? 0),
      output: outputBytes === null ? null : content("output", outputBytes),
    };
  }

  /** Invocations that have not ended, and whose owner is not one of these nodes, oldest first. */
  async orphaned(liveNodeIds: readonly string[]): Promise<OrphanedInvocation[]> {
    return await this.#unfinished().where("owner", "is not", null)
      .where("owner", "not in", liveNodeIds).$narrowType<{ owner: string }>().execute();
  }

  /** Invocations of an owner that have not ended. */
  async ownedBy(owner: string): Promise<OrphanedInvocation[]> {
    return await this.#unfinished().where("owner", "=", owner)
      .$narrowType<{ owner: string }>().execute();
  }

  /** Calls that wait for a claim of any node, and of which nothing was recorded for some time, oldest first. */
  unclaimed(before: string, limit: number): Promise<Pick<InvocationRow, "id" | "attempt">[]> {
    return this.#unfinished().clearSelect().select(["id", "attempt"])
      .where("status", "=", "PENDING").where("owner", "is", null).where("updatedAt", "<", before)
      .limit(limit).execute();
  }

  /** The whole row, whatever its function. */
  row(id: string): Promise<InvocationRow | undefined> {
    return this.db.selectFrom("invocations").selectAll().where("id", "=", id).executeTakeFirst();
  }

  #unfinished() {
    return this.db.selectFrom("invocations").selectAll()
      // In the words of the partial index, and with its first column: it is small, however long the history is.
      .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
      .where("functionId", "in", this.db.selectFrom("functions").select("id"))
      .orderBy("id");
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
}

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
interface EndColumns extends Attempt, Pick<InvocationRow, "status" | "updatedAt"> {
  readonly output: string | null;
  readonly error: string | null;
  readonly volumeVersionRead: number | null;
  readonly volumeVersionWritten: number | null;
  readonly processKind: InvocationRow["processKind"];
}

/** Writes invocations, their logs and idempotency keys. */
export class InvocationWriter extends IdempotencyKeyReader {
  readonly #insert: Statement<InvocationRow>;
  readonly #start: Statement<Attempt & { previous: number; now: string }>;
  readonly #finish: Statement<EndColumns>;
  readonly #appendLog: Statement<InvocationLogRow>;

  constructor(
    db: Kysely<Schema>,
    statements: StatementRunner,
    private readonly capabilities: Capabilities,
  ) {
    super(db);
    this.#insert = new Statement(
      statements,
      (variable) => db.insertInto("invocations").values(variablesOf(INVOCATION_COLUMNS, variable)),
    );
    this.#start = new Statement(
      statements,
      (variable) =>
        db.updateTable("invocations").set({
          status: "RUNNING",
          attempt: variable("attempt"),
          updatedAt: variable("now"),
        }).where("id", "=", variable("id")).where("owner", "=", variable("owner"))
          .where(({ or, and, eb }) =>
            or([
              and([eb("status", "=", "PENDING"), eb("attempt", "=", variable("previous"))]),
              // A repeat, because the answer to the first write was lost.
              and([eb("status", "=", "RUNNING"), eb("attempt", "=", variable("attempt"))]),
            ])
          ),
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
          variables: null,
          updatedAt: variable("updatedAt"),
        }).where("id", "=", variable("id")).where("status", "in", ["PENDING", "RUNNING"])
          .where("owner", "=", variable("owner")).where("attempt", "=", variable("attempt")),
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

  /** PENDING to RUNNING: the attempt begins. False if it is not pending, or is another's. */
  async start(attempt: Attempt, now: string): Promise<boolean> {
    return await this.#start.run({ ...attempt, previous: attempt.attempt - 1, now }) > 0;
  }

  /** PENDING to RUNNING, for a worker that claimed the call; false if it does not wait, or another node was faster. */
  async claim({ id, owner, attempt }: Attempt, worker: string, now: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ status: "RUNNING", owner, attempt, worker, updatedAt: now })
      .where("id", "=", id).where("status", "=", "PENDING").where("owner", "is", null)
      .where("attempt", "=", attempt - 1).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** To ERROR, for a call that waits for a claim; false if it does not. */
  async endUnclaimed(id: string, error: string, now: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ status: "ERROR", error, variables: null, updatedAt: now })
      .where("id", "=", id).where("status", "=", "PENDING").where("owner", "is", null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Notes that these calls were offered again. */
  async touch(ids: readonly string[], now: string): Promise<void> {
    await this.db.updateTable("invocations").set({ updatedAt: now })
      .where("id", "in", ids).where("status", "=", "PENDING").where("owner", "is", null).execute();
  }

  /** Calls of a function that run, on any node, without those that other calls made. */
  async countRunning(functionId: string): Promise<number> {
    const { count } = await this.db.selectFrom("invocations")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      // In the words of the partial index, and with its first column.
      .where(sql<boolean>`status <> 'SUCCESS' and status = 'RUNNING'`)
      .where("functionId", "=", functionId).where("parentInvocationId", "is", null)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Records the worker that runs the attempt; false if it has ended, or is another's. */
  async assign({ id, owner, attempt }: Attempt, worker: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations").set({ worker })
      .where("id", "=", id).where("owner", "=", owner).where("attempt", "=", attempt)
      .where("status", "=", "RUNNING").executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** To PENDING, for another attempt under an owner; false if it has ended, or is another's. */
  async release(
    { id, owner, attempt }: Attempt,
    next: Pick<InvocationRow, "owner" | "attempt">,
    now: string,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ status: "PENDING", ...next, worker: null, updatedAt: now })
      .where("id", "=", id).where("owner", "=", owner).where("attempt", "=", attempt)
      .where("status", "in", ["PENDING", "RUNNING"]).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** To SUCCESS or ERROR; false if it has ended already, or is another's: the first end is final. */
  async finish(
    attempt: Attempt,
    { end, volumeVersionRead, volumeVersionWritten, processKind }: InvocationConclusion,
    updatedAt: string,
  ): Promise<boolean> {
    const columns = {
      ...attempt,
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

  /** Whether the attempt may still record something: it has not ended, and no later one has begun. */
  async isCurrent({ id, owner, attempt }: Attempt): Promise<boolean> {
    const row = await this.db.selectFrom("invocations").select("id")
      .where("id", "=", id).where("owner", "=", owner).where("attempt", "=", attempt)
      .where("status", "in", ["PENDING", "RUNNING"])
      .modifyEnd(sql.raw(this.capabilities.rowLock)).executeTakeFirst();
    return row !== undefined;
  }

  /** The sequence number of its last log line; 0 without one. */
  async lastSequence(id: string): Promise<number> {
    const row = await this.db.selectFrom("invocationLogs").select("sequence")
      .where("invocationId", "=", id).orderBy("sequence", "desc").limit(1).executeTakeFirst();
    return row?.sequence ?? 0;
  }

  /** The first invocation of these commits that has not ended. */
  unfinishedOf(
    functionId: string,
    commitIds: readonly string[],
  ): Promise<Pick<InvocationRow, "id" | "commitId"> | undefined> {
    return this.db.selectFrom("invocations").select(["id", "commitId"])
      // In the words of the partial index, and with its first column.
      .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
      .where("functionId", "=", functionId).where("commitId", "in", commitIds)
      .orderBy("id").executeTakeFirst();
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
