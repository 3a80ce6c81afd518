import type { Kysely, Selectable, Updateable } from "kysely";
import { countRows, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./row_cache.ts";
import type { Schema } from "./schema.ts";
import type { TenantCredentialTable, TenantTable } from "./tenant_tables.ts";

export type TenantRow = Selectable<TenantTable>;
export type TenantCredentialRow = Selectable<TenantCredentialTable>;

/** Reads C1 tenants and their sealed credentials. */
export class TenantReader {
  constructor(protected readonly db: Kysely<Schema>, private readonly cache: RowReads) {}

  get(id: string): Promise<TenantRow | undefined> {
    return this.cache.read(
      `tenant ${id}`,
      () => this.db.selectFrom("tenants").selectAll().where("id", "=", id).executeTakeFirst(),
    );
  }

  /** The tenants with a name, whatever its case, or with a host. */
  named({ name, host }: { readonly name: string; readonly host: string }): Promise<TenantRow[]> {
    return this.db.selectFrom("tenants").selectAll()
      .where(({ or, eb, fn }) =>
        or([eb(fn("lower", ["name"]), "=", name.toLowerCase()), eb("host", "=", host)])
      ).orderBy("id").execute();
  }

  /** Newest first. */
  list(page: PageRequest): Promise<Page<TenantRow>> {
    return fetchPage(this.db.selectFrom("tenants").selectAll(), "id", page);
  }

  /** The names of all tenants. */
  async names(): Promise<string[]> {
    const rows = await this.db.selectFrom("tenants").select("name").orderBy("id").execute();
    return rows.map(({ name }) => name);
  }

  async count(): Promise<number> {
    return await countRows(this.db.selectFrom("tenants"));
  }

  /** The credentials of a tenant, oldest first. */
  credentials(tenantId: string): Promise<readonly TenantCredentialRow[]> {
    return this.cache.read(
      `credentials of tenant ${tenantId}`,
      () =>
        this.db.selectFrom("tenantCredentials").selectAll().where("tenantId", "=", tenantId)
          .orderBy("id").execute(),
    );
  }

  /** The credentials of several tenants, oldest first. */
  async credentialsOf(tenantIds: readonly string[]): Promise<TenantCredentialRow[]> {
    if (tenantIds.length === 0) return [];
    return await this.db.selectFrom("tenantCredentials").selectAll()
      .where("tenantId", "in", tenantIds).orderBy("id").execute();
  }

  /** The credentials of all tenants. */
  allCredentials(): Promise<TenantCredentialRow[]> {
    return this.db.selectFrom("tenantCredentials").selectAll().orderBy("id").execute();
  }
}

/** Writes C1 tenants and their credentials. */
export class TenantWriter extends TenantReader {
  async insert(row: TenantRow): Promise<void> {
    await this.db.insertInto("tenants").values(row).execute();
  }

  async update(id: string, change: Updateable<TenantTable>): Promise<void> {
    await this.db.updateTable("tenants").set(change).where("id", "=", id).execute();
  }

  async delete(id: string): Promise<void> {
    await this.db.deleteFrom("tenants").where("id", "=", id).execute();
  }

  async insertCredential(row: TenantCredentialRow): Promise<void> {
    await this.db.insertInto("tenantCredentials").values(row).execute();
  }

  async updateCredential(id: string, change: Updateable<TenantCredentialTable>): Promise<void> {
    await this.db.updateTable("tenantCredentials").set(change).where("id", "=", id).execute();
  }

  async deleteCredential(id: string): Promise<void> {
    await this.db.deleteFrom("tenantCredentials").where("id", "=", id).execute();
  }
}
