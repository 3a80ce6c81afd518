import type { Kysely, Selectable } from "kysely";
import { fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { Schema } from "./schema.ts";
import type { DeliveryTable } from "./trigger_tables.ts";

export type DeliveryRow = Selectable<DeliveryTable>;

/** Reads the deliveries of webhooks. */
export class DeliveryReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** The deliveries of a trigger, newest first. */
  ofTrigger(triggerId: string, page: PageRequest): Promise<Page<DeliveryRow>> {
    const query = this.db.selectFrom("deliveries").selectAll().where("triggerId", "=", triggerId);
    return fetchPage(query, "id", page);
  }

  /** The last delivery of each of these triggers with a delivery. */
  async lastOf(triggerIds: readonly string[]): Promise<Map<string, DeliveryRow>> {
    if (triggerIds.length === 0) return new Map();
    const last = this.db.selectFrom("deliveries").select(({ fn }) => fn.max("id").as("id"))
      .where("triggerId", "in", triggerIds).groupBy("triggerId");
    const rows = await this.db.selectFrom("deliveries").selectAll().where("id", "in", last)
      .execute();
    return new Map(rows.map((row) => [row.triggerId, row]));
  }

  /** The delivery of a trigger that started an invocation for the event since a time. */
  ofEvent(triggerId: string, eventId: string, since: string): Promise<DeliveryRow | undefined> {
    return this.db.selectFrom("deliveries").selectAll()
      .where("triggerId", "=", triggerId).where("eventId", "=", eventId)
      .where("receivedAt", ">=", since).executeTakeFirst();
  }
}

/** Writes the deliveries of webhooks. */
export class DeliveryWriter extends DeliveryReader {
  async insert(row: DeliveryRow): Promise<void> {
    await this.db.insertInto("deliveries").values(row).execute();
  }

  /**
   * Inserts the delivery that starts an invocation for its event; false if another delivery has started one since a
   * time.
   * @param since older deliveries give their event free
   */
  async insertFirst(row: DeliveryRow & { eventId: string }, since: string): Promise<boolean> {
    await this.db.updateTable("deliveries").set({ eventId: null })
      .where("triggerId", "=", row.triggerId).where("eventId", "=", row.eventId)
      .where("receivedAt", "<", since).execute();
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("deliveries").values(row)
      .onConflict((c) => c.columns(["triggerId", "eventId"]).doNothing()).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** Gives the event of a delivery free, and notes why it has started nothing. */
  async reject(id: string, reason: string): Promise<void> {
    await this.db.updateTable("deliveries").set({ eventId: null, status: "REFUSED", reason })
      .where("id", "=", id).execute();
  }
}
