import type { Kysely, Selectable } from "kysely";
import type { Schema } from "./schema.ts";
import type { VerificationTable } from "./server_tables.ts";

/** The last verification of stored data. */
export type VerificationRow = Omit<Selectable<VerificationTable>, "id">;

/** The id of the only row. */
export const VERIFICATION_ID = 1;

/** Reads when all data was verified last. */
export class VerificationReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** Undefined before the first server with verifications. */
  last(): Promise<VerificationRow | undefined> {
    return this.db.selectFrom("verifications").select(["beganAt", "endedAt", "damages"])
      .where("id", "=", VERIFICATION_ID).executeTakeFirst();
  }
}

/** Records verifications. */
export class VerificationWriter extends VerificationReader {
  async put(row: VerificationRow): Promise<void> {
    await this.db.insertInto("verifications").values({ id: VERIFICATION_ID, ...row })
      .onConflict((c) => c.column("id").doUpdateSet(row)).execute();
  }
}
