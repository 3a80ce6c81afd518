import type { Kysely, Selectable } from "kysely";
import type { AlertSchema } from "./alert_tables.ts";
import { countRows } from "./paging.ts";
import type { Schema } from "./schema.ts";

export type AlertRow = Selectable<AlertSchema["alerts"]>;
export type AlertPostRow = Omit<Selectable<AlertSchema["alertPosts"]>, "id">;

/** The id of the only row of posts. */
const POSTS_ID = 1;
/** After a success, and before the first attempt. */
const NO_FAILURE = { attempts: 0, dueAt: "", failingSince: null, error: null } as const;

/** Reads alerts, and how their posts go. */
export class AlertReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** Those whose condition holds, or held at the last checks. */
  open(): Promise<AlertRow[]> {
    return this.db.selectFrom("alerts").selectAll().where("state", "<>", "ENDED")
      .orderBy("id").execute();
  }

  /** Those that fire, the oldest first. */
  firing(): Promise<AlertRow[]> {
    return this.db.selectFrom("alerts").selectAll().where("state", "=", "FIRING")
      .orderBy("startsAt").orderBy("id").execute();
  }

  /** Those whose beginning or end is not posted, in the order in which they began. */
  unposted(limit: number): Promise<AlertRow[]> {
    return this.#unposted().selectAll().orderBy("id").limit(limit).execute();
  }

  async countUnposted(): Promise<number> {
    return await countRows(this.#unposted());
  }

  async posts(): Promise<AlertPostRow> {
    const row = await this.db.selectFrom("alertPosts")
      .select(["attempts", "dueAt", "failingSince", "error"]).where("id", "=", POSTS_ID)
      .executeTakeFirst();
    return row ?? NO_FAILURE;
  }

  #unposted() {
    return this.db.selectFrom("alerts").where(({ or, and, eb }) =>
      or([eb("state", "=", "ENDED"), and([eb("state", "=", "FIRING"), eb("isPosted", "=", 0)])])
    );
  }
}

/** Writes alerts, and how their posts go. */
export class AlertWriter extends AlertReader {
  async insert(row: AlertRow): Promise<void> {
    await this.db.insertInto("alerts").values(row).execute();
  }

  /** Changes an alert that has not ended. */
  async update(id: string, change: Partial<Omit<AlertRow, "id">>): Promise<void> {
    await this.db.updateTable("alerts").set(change).where("id", "=", id)
      .where("state", "<>", "ENDED").execute();
  }

  async delete(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.db.deleteFrom("alerts").where("id", "in", ids).execute();
  }

  /** Deletes alerts that have ended, or that ended before a time; answers how many there were. */
  async deleteEnded(before?: string): Promise<number> {
    let query = this.db.deleteFrom("alerts").where("state", "=", "ENDED");
    if (before !== undefined) query = query.where("endsAt", "<", before);
    return Number((await query.executeTakeFirst()).numDeletedRows);
  }

  /** Notes that these alerts were posted as they were read: an end that came since is posted, too. */
  async posted(rows: readonly AlertRow[]): Promise<void> {
    const begun = rows.filter(({ state }) => state === "FIRING").map(({ id }) => id);
    await this.delete(rows.filter(({ state }) => state === "ENDED").map(({ id }) => id));
    if (begun.length > 0) {
      await this.db.updateTable("alerts").set({ isPosted: 1 }).where("id", "in", begun).execute();
    }
    await this.putPosts(NO_FAILURE);
  }

  /**
   * Begins an attempt to post: no other node begins one before `until`. False if another node was faster.
   * @param posts as {@link posts} answered
   */
  async begin({ attempts, dueAt }: AlertPostRow, until: string): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("alertPosts")
      .values({ id: POSTS_ID, ...NO_FAILURE, attempts: attempts + 1, dueAt: until })
      .onConflict((c) =>
        c.column("id").doUpdateSet({ attempts: attempts + 1, dueAt: until })
          .where("alertPosts.attempts", "=", attempts).where("alertPosts.dueAt", "=", dueAt)
      ).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async putPosts(change: Partial<AlertPostRow>): Promise<void> {
    await this.db.updateTable("alertPosts").set(change).where("id", "=", POSTS_ID).execute();
  }
}
