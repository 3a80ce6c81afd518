import { type Kysely, sql } from "kysely";
import type { Changes } from "./changes.ts";
import type { Capabilities } from "./dialect.ts";
import { errorColumns, errorText, type InvocationError } from "./failures.ts";
import {
  type AttemptKey,
  earlierAttempts,
  IdempotencyKeyReader,
  type IdempotencyRow,
  INVOCATION_COLUMNS,
  type InvocationConclusion,
  type InvocationLogRow,
  type InvocationRow,
} from "./invocations.ts";
import { countRows } from "./paging.ts";
import type { Schema } from "./schema.ts";
import { Statement, type StatementRunner, type Variable } from "./grouped_writer.ts";

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

/** Longest error of an attempt, in UTF-16 units, that is kept once another attempt follows. */
const ATTEMPT_ERROR_CHARS_MAX = 1024;

/** What the end of an invocation sets; null was the value of all but status and time before. */
const END_COLUMNS = [
  ...["status", "output", "error", "errorCode", "volumeVersionRead", "volumeVersionWritten"],
  ...["processKind", "http", "failedAnswer", "durationMicros", "cpuMicros", "measured"],
  "updatedAt",
] as const;
type EndColumns = AttemptKey & Pick<InvocationRow, typeof END_COLUMNS[number]>;

/** What decides whether a waiting invocation may start. */
type WaitingInvocation = Pick<
  InvocationRow,
  "attempt" | "concurrencyKey" | "notBefore" | "createdAt"
>;

/** Writes invocations, their logs and idempotency keys. */
export class InvocationWriter extends IdempotencyKeyReader {
  readonly #insert: Statement<InvocationRow>;
  readonly #start: Statement<AttemptKey & { previous: number; now: string }>;
  readonly #assign: Statement<AttemptKey & { worker: string | null }>;
  readonly #finish: Statement<EndColumns>;
  readonly #appendLog: Statement<InvocationLogRow>;

  constructor(
    db: Kysely<Schema>,
    statements: StatementRunner,
    private readonly capabilities: Capabilities,
    private readonly changes: Pick<Changes, "note">,
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
          startedAt: variable("now"),
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
    this.#assign = new Statement(
      statements,
      (variable) =>
        db.updateTable("invocations").set({ worker: variable("worker") })
          .where("id", "=", variable("id")).where("owner", "=", variable("owner"))
          .where("attempt", "=", variable("attempt")).where("status", "=", "RUNNING"),
    );
    this.#finish = new Statement(
      statements,
      (variable) =>
        db.updateTable("invocations").set({
          ...variablesOf<Pick<EndColumns, typeof END_COLUMNS[number]>>(END_COLUMNS, variable),
          variables: null,
        }).where("id", "=", variable("id")).where("status", "in", ["PENDING", "RUNNING"])
          .where("owner", "=", variable("owner")).where("attempt", "=", variable("attempt")),
    );
    this.#appendLog = new Statement(
      statements,
      (variable) => db.insertInto("invocationLogs").values(variablesOf(LOG_COLUMNS, variable)),
    );
  }

  /** A failure fails the transaction, even though nobody waits for the statement. */
  insert(row: InvocationRow): void {
    this.#insert.send(row);
    this.changes.note({ kind: "invocation", id: row.id, functionId: row.functionId });
  }

  /** Records the invocation of a key, in place of an older invocation. */
  async putIdempotencyKey(row: IdempotencyRow): Promise<void> {
    await this.db.insertInto("idempotencyKeys").values(row)
      .onConflict((c) => c.columns(["principalId", "functionId", "key"]).doUpdateSet(row))
      .execute();
  }

  /** PENDING to RUNNING: the attempt begins. False if it is not pending, or is another's. */
  async start(attempt: AttemptKey, now: string): Promise<boolean> {
    this.changes.note({ kind: "invocation", id: attempt.id });
    return await this.#start.run({ ...attempt, previous: attempt.attempt - 1, now }) > 0;
  }

  /** PENDING to RUNNING, for a worker that claimed the invocation; false if it does not wait, or another node was faster. */
  async claim({ id, owner, attempt }: AttemptKey, worker: string, now: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ status: "RUNNING", owner, attempt, worker, startedAt: now, updatedAt: now })
      .where("id", "=", id).where("status", "=", "PENDING").where("owner", "is", null)
      .where("attempt", "=", attempt - 1)
      // An offer may come late, or twice.
      .where("id", "not in", this.db.selectFrom("delayedCalls").select("invocationId"))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Makes a node the owner of an invocation that waits for a claim; false if it does not. */
  async own(id: string, owner: string, now: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ owner, updatedAt: now })
      .where("id", "=", id).where("status", "=", "PENDING").where("owner", "is", null)
      .where("id", "not in", this.db.selectFrom("delayedCalls").select("invocationId"))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** To ERROR, for an invocation that waits for a claim; false if it does not. */
  async endUnclaimed(id: string, error: InvocationError, now: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ status: "ERROR", ...errorColumns(error), variables: null, updatedAt: now })
      .where("id", "=", id).where("status", "=", "PENDING").where("owner", "is", null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await this.db.deleteFrom("delayedCalls").where("invocationId", "=", id).execute();
    return true;
  }

  /** Running invocations of a function, on any node, without nested ones. */
  async countRunning(functionId: string): Promise<number> {
    return await countRows(
      this.db.selectFrom("invocations")
        // In the words of the partial index, and with its first column.
        .where(sql<boolean>`status <> 'SUCCESS' and status = 'RUNNING'`)
        .where("functionId", "=", functionId).where("parentInvocationId", "is", null),
    );
  }

  /**
   * Records the worker that runs the attempt, or null. The transaction fails with `NothingChanged` if the attempt has ended, or is
   * another's.
   */
  assign({ id, owner, attempt }: AttemptKey, worker: string | null): void {
    this.changes.note({ kind: "invocation", id });
    this.#assign.sendChange({ id, owner, attempt, worker });
  }

  /** The attempt ends without a worker that got its job. Unlike {@link assign}, it may not run, or not any more. */
  unassign({ id, owner, attempt }: AttemptKey): void {
    this.#assign.send({ id, owner, attempt, worker: null });
  }

  /**
   * To PENDING, for another attempt under an owner; false if it has ended, or is another's.
   * @param error of the attempt, if it ran: it is then kept among the earlier attempts
   */
  async release(
    { id, owner, attempt }: AttemptKey,
    next: Pick<InvocationRow, "owner" | "attempt"> & { readonly notBefore?: string },
    now: string,
    error?: InvocationError,
  ): Promise<boolean> {
    const row = await this.db.selectFrom("invocations").select(["earlierAttempts", "startedAt"])
      .where("id", "=", id).where("owner", "=", owner).where("attempt", "=", attempt)
      .where("status", "in", ["PENDING", "RUNNING"])
      .modifyEnd(sql.raw(this.capabilities.rowLock)).executeTakeFirst();
    if (row === undefined) return false;
    const earlier = earlierAttempts(row);
    if (error !== undefined) {
      const text = errorText(error).slice(0, ATTEMPT_ERROR_CHARS_MAX);
      earlier.push({ attempt, startedAt: row.startedAt, endedAt: now, error: text });
    }
    await this.db.updateTable("invocations").set({
      status: "PENDING",
      ...next,
      worker: null,
      startedAt: null,
      earlierAttempts: earlier.length === 0 ? null : JSON.stringify(earlier),
      updatedAt: now,
    }).where("id", "=", id).execute();
    return true;
  }

  /**
   * To SUCCESS or ERROR. The first end is final: the transaction fails with `NothingChanged` if the invocation has ended
   * already, or is another's.
   */
  finish(attempt: AttemptKey, conclusion: InvocationConclusion, updatedAt: string): void {
    const { end, volumeVersionRead, volumeVersionWritten, processKind, measures } = conclusion;
    const { http, failedAnswer } = conclusion;
    const columns = {
      ...attempt,
      status: end.status,
      output: end.status === "SUCCESS" ? end.output : null,
      ...end.status === "ERROR" ? errorColumns(end) : NO_ERROR,
      volumeVersionRead: volumeVersionRead ?? null,
      volumeVersionWritten: volumeVersionWritten ?? null,
      processKind: processKind ?? null,
      http: http ?? null,
      failedAnswer: end.status === "SUCCESS" && failedAnswer === true ? 1 : 0,
      durationMicros: measures?.durationMicros ?? null,
      cpuMicros: measures?.cpuMicros ?? null,
      measured: measures?.measured ?? null,
      updatedAt,
    };
    this.changes.note({ kind: "invocation", id: attempt.id });
    this.#finish.sendChange(columns);
  }

  /** What decides whether a waiting invocation may start; undefined if it does not wait. */
  waiting(id: string): Promise<WaitingInvocation | undefined> {
    return this.db.selectFrom("invocations")
      .select(["attempt", "concurrencyKey", "notBefore", "createdAt"])
      .where("id", "=", id).where("status", "=", "PENDING").executeTakeFirst();
  }

  /** Parks a failed invocation as a dead letter. */
  async park(id: string, now: string): Promise<void> {
    await this.db.updateTable("invocations").set({ parkedAt: now })
      .where("id", "=", id).where("status", "=", "ERROR").execute();
  }

  /** Takes back a parked invocation; false if it is not parked. */
  async unpark(id: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("invocations").set({ parkedAt: null })
      .where("id", "=", id).where("parkedAt", "is not", null).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Whether the attempt may still record something: it has not ended, and no later attempt has begun. */
  async isCurrent({ id, owner, attempt }: AttemptKey): Promise<boolean> {
    const row = await this.db.selectFrom("invocations").select("id")
      .where("id", "=", id).where("owner", "=", owner).where("attempt", "=", attempt)
      .where("status", "in", ["PENDING", "RUNNING"])
      .modifyEnd(sql.raw(this.capabilities.rowLock)).executeTakeFirst();
    return row !== undefined;
  }

  /** The sequence number of its last log line; 0 without log lines. */
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

  /** A failure fails the transaction, even though nobody waits for the statements. */
  appendLogs(rows: readonly InvocationLogRow[]): void {
    for (const row of rows) this.#appendLog.send(row);
  }
}

const NO_ERROR = { error: null, errorCode: null } as const;

/** A variable for each column of a row. */
function variablesOf<Row extends object>(
  columns: readonly (keyof Row & string)[],
  variable: Variable<Row>,
): Row {
  return Object.fromEntries(columns.map((column) => [column, variable(column)])) as Row;
}
