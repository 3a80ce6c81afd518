import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

const ID = 1;

/** Reads where the content of all nodes is. */
export class ObjectStoreReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** As `--objects` names it; undefined before the first node has started. */
  async address(): Promise<string | undefined> {
    const row = await this.db.selectFrom("objectStores").select("address").where("id", "=", ID)
      .executeTakeFirst();
    return row?.address;
  }
}

/** Notes where the content of all nodes is; the first node decides. */
export class ObjectStoreWriter extends ObjectStoreReader {
  async setOnce(address: string): Promise<void> {
    await this.db.insertInto("objectStores").values({ id: ID, address })
      .onConflict((c) => c.column("id").doNothing()).execute();
  }
}
