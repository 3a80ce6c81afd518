import { type Kysely, sql } from "kysely";
import type { Schema } from "./schema.ts";

/** Counts the starts of calls, for the limits of their function. */
export class FlowControlWriter {
  constructor(private readonly db: Kysely<Schema>) {}

  /** The time of the start that `calls` starts follow, or are to follow; undefined with fewer. */
  async rateSlot(functionId: string, calls: number): Promise<string | undefined> {
    const row = await this.db.selectFrom("rateSlots").select("at")
      .where("functionId", "=", functionId).orderBy("at", "desc").orderBy("invocationId", "desc")
      .offset(calls - 1).limit(1).executeTakeFirst();
    return row?.at;
  }

  /** Notes the start of a call, now or later, and forgets those before a time. */
  async addRateSlot(
    functionId: string,
    invocationId: string,
    at: string,
    before: string,
  ): Promise<void> {
    await this.db.insertInto("rateSlots").values({ functionId, invocationId, at })
      .onConflict((c) => c.columns(["functionId", "at", "invocationId"]).doNothing()).execute();
    await this.db.deleteFrom("rateSlots").where("functionId", "=", functionId)
      .where("at", "<", before).execute();
  }

  /** Forgets the start of a call that was to come after a time. */
  async forgetSlotOf(functionId: string, invocationId: string, after: string): Promise<void> {
    await this.db.deleteFrom("rateSlots").where("functionId", "=", functionId)
      .where("invocationId", "=", invocationId).where("at", ">", after).execute();
  }

  /** Forgets the starts that are to come. */
  async forgetLaterSlots(functionId: string, now: string): Promise<void> {
    await this.db.deleteFrom("rateSlots").where("functionId", "=", functionId)
      .where("at", ">", now).execute();
  }

  /** Runs that were counted after a bucket. */
  async runsAfter(functionId: string, bucket: string): Promise<number> {
    const { runs } = await this.db.selectFrom("runCounts")
      .select(sql<number>`coalesce(sum(runs), 0)`.as("runs"))
      .where("functionId", "=", functionId).where("bucket", ">", bucket)
      .executeTakeFirstOrThrow();
    return Number(runs);
  }

  /** Counts a run, and forgets those up to a bucket. */
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

  /** Calls of a function with a key that run, or are to run now. */
  async countActive(functionId: string, key: string): Promise<number> {
    const { count } = await this.db.selectFrom("invocations")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      // In the words of the partial index, and with its first column.
      .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
      .where("functionId", "=", functionId).where("concurrencyKey", "=", key)
      .where("id", "not in", this.db.selectFrom("delayedCalls").select("invocationId"))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}
