import { type Kysely, type Selectable, sql } from "kysely";
import type { OutboxTable } from "./invocation_tables.ts";
import type { Schema } from "./schema.ts";

export type OutboxRow = Selectable<OutboxTable>;

/** In the words of the partial index. */
const IS_PENDING = sql<boolean>`state = 'PENDING'`;

/** Reads the ends of invocations that go to destinations. */
export class OutboxReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** When the next delivery is due; undefined without a delivery. */
  async nextDueAt(): Promise<string | undefined> {
    const row = await this.db.selectFrom("outbox").select("dueAt").where(IS_PENDING)
      .orderBy("dueAt").limit(1).executeTakeFirst();
    return row?.dueAt;
  }

  /** The due deliveries, in the order of their times. */
  due(now: string, limit: number): Promise<OutboxRow[]> {
    return this.db.selectFrom("outbox").selectAll().where(IS_PENDING)
      .where("dueAt", "<=", now).orderBy("dueAt").orderBy("invocationId").limit(limit).execute();
  }

  /** The end of an invocation; undefined if it goes nowhere. */
  of(invocationId: string): Promise<OutboxRow | undefined> {
    return this.db.selectFrom("outbox").selectAll()
      .where("invocationId", "=", invocationId).executeTakeFirst();
  }
}

/** Writes the ends of invocations that go to destinations. */
export class OutboxWriter extends OutboxReader {
  async insert(row: OutboxRow): Promise<void> {
    await this.db.insertInto("outbox").values(row).execute();
  }

  /**
   * Begins an attempt to send it: no other node begins an attempt before `until`. False if it is not due any more, or
   * another node was faster.
   */
  async begin({ invocationId, attempts }: OutboxRow, until: string, now: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("outbox")
      .set({ attempts: attempts + 1, dueAt: until, updatedAt: now })
      .where("invocationId", "=", invocationId).where("attempts", "=", attempts).where(IS_PENDING)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Changes a delivery that has not arrived; false for another delivery. */
  async update(
    invocationId: string,
    change: Partial<Pick<OutboxRow, "state" | "dueAt" | "error" | "startedId">>,
    now: string,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("outbox")
      .set({ ...change, updatedAt: now })
      .where("invocationId", "=", invocationId).where(IS_PENDING).executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
