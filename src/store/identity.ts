import type { Kysely, Selectable, Updateable } from "kysely";
import { fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./changes.ts";
import type { CredentialTable, Schema, ServerKeyTable, ServicePrincipalTable } from "./schema.ts";

type ServicePrincipalRow = Selectable<ServicePrincipalTable>;
type CredentialRow = Selectable<CredentialTable>;
export type ServerKeyRow = Selectable<ServerKeyTable>;
/** A client with the roles of its principal. */
export type ClientRow = CredentialRow & Pick<ServicePrincipalRow, "roles">;

/** Reads principals, their credentials and the sealed keys of the server. */
export class IdentityReader {
  constructor(protected readonly db: Kysely<Schema>, private readonly cache: RowReads) {}

  /** The client, deleted or not. */
  client(clientId: string): Promise<ClientRow | undefined> {
    return this.cache.read(
      `client ${clientId}`,
      () => this.#clients().where("clientId", "=", clientId).executeTakeFirst(),
    );
  }

  /** The client, deleted or not. */
  clientById(id: string): Promise<ClientRow | undefined> {
    return this.#clients().where("credentials.id", "=", id).executeTakeFirst();
  }

  /** Clients of a principal that are not deleted, newest first. */
  clients(principalId: string, page: PageRequest): Promise<Page<ClientRow>> {
    const query = this.#clients().where("principalId", "=", principalId)
      .where("deletedAt", "is", null);
    return fetchPage(query, "credentials.id", page);
  }

  #clients() {
    return this.db.selectFrom("credentials")
      .innerJoin("servicePrincipals", "servicePrincipals.id", "credentials.principalId")
      .selectAll("credentials").select("servicePrincipals.roles");
  }

  /** The clients of all principals that are not deleted. */
  allClients(): Promise<ClientRow[]> {
    return this.#clients().where("deletedAt", "is", null).execute();
  }

  /** Keys for one purpose, newest first. */
  keys(purpose: string): Promise<ServerKeyRow[]> {
    return this.db.selectFrom("serverKeys").selectAll().where("purpose", "=", purpose)
      .orderBy("id", "desc").execute();
  }

  /** Keys for every purpose. */
  allKeys(): Promise<ServerKeyRow[]> {
    return this.db.selectFrom("serverKeys").selectAll().orderBy("id").execute();
  }
}

/** Writes principals, their credentials and the sealed keys of the server. */
export class IdentityWriter extends IdentityReader {
  async insertPrincipal(row: ServicePrincipalRow): Promise<void> {
    await this.db.insertInto("servicePrincipals").values(row).execute();
  }

  async insertCredential(row: CredentialRow): Promise<void> {
    await this.db.insertInto("credentials").values(row).execute();
  }

  async updateClient(id: string, change: Updateable<CredentialTable>): Promise<void> {
    await this.db.updateTable("credentials").set(change).where("id", "=", id).execute();
  }

  async insertKey(row: ServerKeyRow): Promise<void> {
    await this.db.insertInto("serverKeys").values(row).execute();
  }

  /** As {@link insertKey}, unless a key with this id exists. */
  async insertKeyOnce(row: ServerKeyRow): Promise<void> {
    await this.db.insertInto("serverKeys").values(row)
      .onConflict((c) => c.column("id").doNothing()).execute();
  }

  async resealKey(id: string, sealed: Uint8Array): Promise<void> {
    await this.db.updateTable("serverKeys").set({ sealed }).where("id", "=", id).execute();
  }
}

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

  async deleteBefore(time: string): Promise<void> {
    await this.db.deleteFrom("usedAssertions").where("expiresAt", "<", time).execute();
  }
}
