import type { Kysely, Selectable } from "kysely";
import type { Schema } from "./schema.ts";
import type { PauseTable } from "./server_tables.ts";

/** Why a server is paused. */
export type PauseRow = Omit<Selectable<PauseTable>, "id">;

/** The id of the only row. */
export const PAUSE_ID = 1;

/** Reads whether a restored server waits for `invoked resume`. */
export class PauseReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** Undefined for a server that is not paused. */
  get(): Promise<PauseRow | undefined> {
    return this.db.selectFrom("pauses").select(["since", "backupAt"]).where("id", "=", PAUSE_ID)
      .executeTakeFirst();
  }
}

/** Ends the pause; a restore begins it, before any server uses the database. */
export class PauseWriter extends PauseReader {
  async end(): Promise<void> {
    await this.db.deleteFrom("pauses").execute();
  }
}
