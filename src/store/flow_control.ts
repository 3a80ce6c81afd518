import { type Kysely, type Selectable, sql } from "kysely";
import type { Capabilities } from "./dialect.ts";
import type { StartPermitTable } from "./invocation_tables.ts";
import { countRows } from "./paging.ts";
import type { Schema } from "./schema.ts";

/** The start of an attempt that has its permit and has not started: it comes after every time. */
const NOT_STARTED = "9999-12-31T23:59:59.999Z";

/** The right of an attempt to start under the rate limit of its function. */
type StartPermit = Omit<Selectable<StartPermitTable>, "startedAt">;

/** How many start permits of a function are held, at a time of the database. */
export interface PermitCount {
  readonly now: string;
  readonly held: number;
  /** The invocations among them whose attempt has started. */
  readonly started: number;
}

/** Counts the starts of invocations, for the limits of their function. */
export class FlowControlWriter {
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly capabilities: Capabilities,
  ) {}

  /**
   * Forgets the starts that lie a whole period back, and counts the remaining starts. A start never seems to come after
   * now: the clock of the database may have been set back.
   */
  async permitsAt(functionId: string, periodMs: number): Promise<PermitCount> {
    const now = await this.#now();
    const before = new Date(Date.parse(now) - periodMs).toISOString();
    await this.db.deleteFrom("startPermits").where("functionId", "=", functionId)
      .where("startedAt", "<", before).execute();
    await this.db.updateTable("startPermits").set({ startedAt: now })
      .where("functionId", "=", functionId)
      .where("startedAt", ">", now).where("startedAt", "<", NOT_STARTED).execute();
    const { held, started } = await this.db.selectFrom("startPermits").select((
      { fn },
    ) => [
      fn.countAll<number>().as("held"),
      sql<number>`count(case when started_at < ${NOT_STARTED} then 1 end)`.as("started"),
    ]).where("functionId", "=", functionId).executeTakeFirstOrThrow();
    return { now, held: Number(held), started: Number(started) };
  }

  /** The start of the permit of this number, counted from the oldest start; undefined if its attempt has not started. */
  async permitStart(functionId: string, number: number): Promise<string | undefined> {
    const row = await this.db.selectFrom("startPermits").select("startedAt")
      .where("functionId", "=", functionId).orderBy("startedAt").offset(number).limit(1)
      .executeTakeFirst();
    return row === undefined || row.startedAt === NOT_STARTED ? undefined : row.startedAt;
  }

  /** Whether an attempt has a permit, and whether it has started with it. */
  async permitOf(
    { functionId, invocationId, attempt }: StartPermit,
  ): Promise<"none" | "reserved" | "started"> {
    const row = await this.db.selectFrom("startPermits").select("startedAt")
      .where("functionId", "=", functionId).where("invocationId", "=", invocationId)
      .where("attempt", "=", attempt).executeTakeFirst();
    if (row === undefined) return "none";
    return row.startedAt === NOT_STARTED ? "reserved" : "started";
  }

  /** Gives an attempt a permit, or sets the start of its permit. @param startedAt absent for an attempt that has not started */
  async holdPermit(permit: StartPermit, startedAt = NOT_STARTED): Promise<void> {
    await this.db.insertInto("startPermits").values({ ...permit, startedAt })
      .onConflict((c) =>
        c.columns(["functionId", "invocationId", "attempt"]).doUpdateSet({ startedAt })
      ).execute();
  }

  /** Frees the permit of an invocation that has not started; false if the invocation has no permit. */
  async freePermit(functionId: string, invocationId: string): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("startPermits")
      .where("functionId", "=", functionId).where("invocationId", "=", invocationId)
      .where("startedAt", "=", NOT_STARTED).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Frees the permits of all invocations that ended before they started; returns how many there were. */
  async freeEnded(functionId: string): Promise<number> {
    const { numDeletedRows } = await this.db.deleteFrom("startPermits")
      .where("functionId", "=", functionId).where("startedAt", "=", NOT_STARTED)
      .where(({ not, exists, selectFrom }) =>
        not(exists(
          selectFrom("invocations").select("id").where("status", "in", ["PENDING", "RUNNING"])
            .whereRef("invocations.id", "=", "startPermits.invocationId"),
        ))
      ).executeTakeFirst();
    return Number(numDeletedRows);
  }

  /** Runs that were counted after a bucket. */
  async runsAfter(functionId: string, bucket: string): Promise<number> {
    const { runs } = await this.db.selectFrom("runCounts")
      .select(sql<number>`coalesce(sum(runs), 0)`.as("runs"))
      .where("functionId", "=", functionId).where("bucket", ">", bucket)
      .executeTakeFirstOrThrow();
    return Number(runs);
  }

  /** Counts a run, and forgets the runs up to a bucket. */
  async addRun(functionId: string, bucket: string, forgotten: string): Promise<void> {
    await this.db.insertInto("runCounts").values({ functionId, bucket, runs: 1 })
      .onConflict((c) =>
        c.columns(["functionId", "bucket"])
          .doUpdateSet({ runs: sql`${sql.ref("run_counts.runs")} + 1` })
      ).execute();
    await this.db.deleteFrom("runCounts").where("functionId", "=", functionId)
      .where("bucket", "<=", forgotten).execute();
  }

  /** Forgets all runs of a function. */
  async forgetRuns(functionId: string): Promise<void> {
    await this.db.deleteFrom("runCounts").where("functionId", "=", functionId).execute();
  }

  /** Invocations of a function with a key that run, or are to run now. */
  async countActive(functionId: string, key: string): Promise<number> {
    return await countRows(
      this.db.selectFrom("invocations")
        // In the words of the partial index, and with its first column.
        .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
        .where("functionId", "=", functionId).where("concurrencyKey", "=", key)
        .where("id", "not in", this.db.selectFrom("delayedCalls").select("invocationId")),
    );
  }

  /** The time of the database: the clocks of nodes differ. */
  async #now(): Promise<string> {
    const time = sql.raw(this.capabilities.timeAfter(0));
    const { rows: [row] } = await sql<{ now: string }>`select ${time} as now`.execute(this.db);
    if (row === undefined) throw new Error("The database has no time");
    return row.now;
  }
}
