import { type Kysely, type Selectable, sql } from "kysely";
import type { DelayedCallTable } from "./invocation_tables.ts";
import type { Schema } from "./schema.ts";

export type DelayedCallRow = Selectable<DelayedCallTable>;

/** Reads the calls that wait for their time. */
export class DelayedCallReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** When the next one is due; undefined without one. */
  async nextDueAt(): Promise<string | undefined> {
    const row = await this.db.selectFrom("delayedCalls").select("dueAt")
      .orderBy("dueAt").limit(1).executeTakeFirst();
    return row?.dueAt;
  }

  /** Ids of the calls that are due, in the order of their times. */
  async due(now: string, limit: number): Promise<string[]> {
    const rows = await this.db.selectFrom("delayedCalls").select("invocationId")
      .where("dueAt", "<=", now).orderBy("dueAt").orderBy("invocationId").limit(limit).execute();
    return rows.map(({ invocationId }) => invocationId);
  }

  /** The delay of a call; undefined if it does not wait for its time. */
  get(invocationId: string): Promise<DelayedCallRow | undefined> {
    return this.db.selectFrom("delayedCalls").selectAll()
      .where("invocationId", "=", invocationId).executeTakeFirst();
  }
}

/** Delays calls, and ends their delays. */
export class DelayedCallWriter extends DelayedCallReader {
  /** Delays a call whose row is PENDING and has no owner. */
  async insert(row: DelayedCallRow): Promise<void> {
    await this.db.insertInto("delayedCalls").values(row).execute();
  }

  /**
   * Ends the delay of a call: an owner runs it, or any node may claim it. False if it was not delayed any more.
   * @param owner null if any node may claim it
   */
  async end(invocationId: string, owner: string | null, now: string): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("delayedCalls")
      .where("invocationId", "=", invocationId).executeTakeFirst();
    if (numDeletedRows === 0n) return false;
    const { numUpdatedRows } = await this.db.updateTable("invocations")
      .set({ owner, updatedAt: now }).where("id", "=", invocationId)
      .where(sql<boolean>`status <> 'SUCCESS' and status = 'PENDING'`).executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
