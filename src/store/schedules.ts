import { type Kysely, type Selectable, sql } from "kysely";
import { countRows } from "./paging.ts";
import type { Schema } from "./schema.ts";
import type { ScheduleTable } from "./trigger_tables.ts";

export type ScheduleRow = Selectable<ScheduleTable>;

/** How the last of the taken times ended: with an invocation, or without an invocation for a reason. */
type ScheduledRun = Pick<ScheduleRow, "lastInvocationId" | "lastReason"> & {
  readonly lastAt: string;
};

/** Reads the next and the last times of schedules. */
export class ScheduleReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** The schedules of these triggers; a trigger of another kind has none. */
  async of(triggerIds: readonly string[]): Promise<Map<string, ScheduleRow>> {
    if (triggerIds.length === 0) return new Map();
    const rows = await this.db.selectFrom("schedules").selectAll()
      .where("triggerId", "in", triggerIds).execute();
    return new Map(rows.map((row) => [row.triggerId, row]));
  }

  /** The earliest next time of all schedules but some. */
  async nextAt(except: readonly string[] = []): Promise<string | undefined> {
    let query = this.db.selectFrom("schedules").select("nextAt").where("nextAt", "is not", null);
    if (except.length > 0) query = query.where("triggerId", "not in", except);
    const row = await query.orderBy("nextAt").limit(1).executeTakeFirst();
    return row?.nextAt ?? undefined;
  }

  /** Schedules but some whose next time has come, the earliest first. */
  due(now: string, limit: number, except: readonly string[] = []): Promise<ScheduleRow[]> {
    let query = this.db.selectFrom("schedules").selectAll().where("nextAt", "<=", now);
    if (except.length > 0) query = query.where("triggerId", "not in", except);
    return query.orderBy("nextAt").orderBy("triggerId").limit(limit).execute();
  }

  /** The number of schedules whose next time was before this time. */
  async countLate(time: string): Promise<number> {
    return await countRows(this.db.selectFrom("schedules").where("nextAt", "<", time));
  }

  /** The oldest invocation of a schedule that has not ended. */
  async unfinishedRun(functionId: string, triggerId: string): Promise<string | undefined> {
    const row = await this.db.selectFrom("invocations").select("id")
      // In the words of the partial index, and with its first column.
      .where(sql<boolean>`status <> 'SUCCESS' and status in ('PENDING', 'RUNNING')`)
      .where("functionId", "=", functionId).where("triggerId", "=", triggerId)
      .orderBy("id").limit(1).executeTakeFirst();
    return row?.id;
  }
}

/** Writes the next and the last times of schedules. */
export class ScheduleWriter extends ScheduleReader {
  /** Sets the next time of a trigger; null for none. */
  async plan(triggerId: string, nextAt: string | null): Promise<void> {
    const never = { lastAt: null, lastInvocationId: null, lastReason: null, queuedTo: null };
    const row = { triggerId, nextAt, ...never };
    await this.db.insertInto("schedules").values(row)
      .onConflict((c) => c.column("triggerId").doUpdateSet({ nextAt })).execute();
  }

  /** Notes that the due times of a schedule wait, from the `nextAt` that was read up to the given one. */
  async queue(triggerId: string, time: string, queuedTo: string): Promise<void> {
    await this.db.updateTable("schedules").set({ queuedTo })
      .where("triggerId", "=", triggerId).where("nextAt", "=", time).execute();
  }

  /**
   * Takes a scheduled time, and the times after it up to `lastAt`. False if it was taken before, or the schedule has
   * changed.
   * @param time the `nextAt` that was read
   */
  async take(
    triggerId: string,
    time: string,
    nextAt: string | null,
    run: ScheduledRun,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("schedules")
      .set({ nextAt, ...run })
      .where("triggerId", "=", triggerId).where("nextAt", "=", time).executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
