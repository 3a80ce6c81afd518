import type { Kysely, Selectable, Updateable } from "kysely";
import { fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./row_cache.ts";
import type { Schema } from "./schema.ts";
import type { TriggerTable } from "./trigger_tables.ts";

export type TriggerRow = Selectable<TriggerTable>;

/** A column that names one trigger of all functions. */
type TriggerAddress = "listenerId" | "slug" | "host";

/** Reads triggers. */
export class TriggerReader {
  constructor(protected readonly db: Kysely<Schema>, private readonly cache: RowReads) {}

  /** A trigger by its id. */
  get(id: string): Promise<TriggerRow | undefined> {
    return this.cache.read(
      `trigger ${id}`,
      () => this.db.selectFrom("triggers").selectAll().where("id", "=", id).executeTakeFirst(),
    );
  }

  /** The trigger with this webhook URL, slug or host. */
  at(column: TriggerAddress, value: string): Promise<TriggerRow | undefined> {
    return this.cache.read(
      `trigger ${column} ${value}`,
      () => this.db.selectFrom("triggers").selectAll().where(column, "=", value).executeTakeFirst(),
    );
  }

  /** The triggers of a function, newest first. */
  ofFunction(functionId: string, page: PageRequest): Promise<Page<TriggerRow>> {
    const query = this.db.selectFrom("triggers").selectAll().where("functionId", "=", functionId);
    return fetchPage(query, "id", page);
  }

  /** The trigger of a function with this name. */
  named(functionId: string, displayName: string): Promise<TriggerRow | undefined> {
    return this.db.selectFrom("triggers").selectAll()
      .where("functionId", "=", functionId).where("displayName", "=", displayName)
      .executeTakeFirst();
  }

  /** The ids of the triggers of each function, in their order. */
  async idsOf(functionIds: readonly string[]): Promise<Map<string, string[]>> {
    const ids = new Map(functionIds.map((id) => [id, [] as string[]]));
    if (functionIds.length === 0) return ids;
    const rows = await this.db.selectFrom("triggers").select(["id", "functionId"])
      .where("functionId", "in", functionIds).orderBy("id").execute();
    for (const { id, functionId } of rows) ids.get(functionId)?.push(id);
    return ids;
  }

  /** The oldest trigger whose invocations get this volume. */
  async boundTo(volumeId: string): Promise<TriggerRow | undefined> {
    return await this.db.selectFrom("triggers").selectAll().where("volumeId", "=", volumeId)
      .orderBy("id").limit(1).executeTakeFirst();
  }

  /** All triggers that have a secret or a verify token. */
  withSecrets(): Promise<TriggerRow[]> {
    return this.db.selectFrom("triggers").selectAll()
      .where((is) =>
        is.or([is("sealedSecret", "is not", null), is("sealedVerifyToken", "is not", null)])
      )
      .orderBy("id").execute();
  }
}

/** Writes triggers. */
export class TriggerWriter extends TriggerReader {
  async insert(row: TriggerRow): Promise<void> {
    await this.db.insertInto("triggers").values(row).execute();
  }

  async update(id: string, change: Updateable<TriggerTable>): Promise<void> {
    await this.db.updateTable("triggers").set(change).where("id", "=", id).execute();
  }

  /** Deletes a trigger with its deliveries and its next time. */
  async delete(id: string): Promise<void> {
    await this.db.deleteFrom("deliveries").where("triggerId", "=", id).execute();
    await this.db.deleteFrom("schedules").where("triggerId", "=", id).execute();
    await this.db.deleteFrom("triggers").where("id", "=", id).execute();
  }
}
