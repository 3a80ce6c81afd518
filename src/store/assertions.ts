import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/** Writes which client assertions were used. */
export class AssertionWriter {
  constructor(private readonly db: Kysely<Schema>) {}

  /** Records a client assertion as used; false if it was used before. */
  async use(fingerprint: string, expiresAt: string): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("usedAssertions")
      .values({ fingerprint, expiresAt })
      .onConflict((c) => c.column("fingerprint").doNothing()).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }
}
