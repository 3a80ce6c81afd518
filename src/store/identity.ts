import type { Kysely, Selectable } from "kysely";
import type { CredentialTable, Schema, ServerKeyTable, ServicePrincipalTable } from "./schema.ts";

export type ServicePrincipalRow = Selectable<ServicePrincipalTable>;
export type CredentialRow = Selectable<CredentialTable>;
export type ServerKeyRow = Selectable<ServerKeyTable>;

/** Reads principals, their credentials and the sealed keys of the server. */
export class IdentityReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** A credential with its principal. */
  credential(clientId: string): Promise<(CredentialRow & ServicePrincipalRow) | undefined> {
    return this.db.selectFrom("credentials")
      .innerJoin("servicePrincipals", "servicePrincipals.id", "credentials.principalId")
      .selectAll("servicePrincipals").selectAll("credentials")
      .where("clientId", "=", clientId).executeTakeFirst();
  }

  async hasPrincipals(): Promise<boolean> {
    const row = await this.db.selectFrom("servicePrincipals").select("id").limit(1)
      .executeTakeFirst();
    return row !== undefined;
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

  async insertKey(row: ServerKeyRow): Promise<void> {
    await this.db.insertInto("serverKeys").values(row).execute();
  }

  async resealKey(id: string, sealed: Uint8Array): Promise<void> {
    await this.db.updateTable("serverKeys").set({ sealed }).where("id", "=", id).execute();
  }

  /** Records a client assertion as used; false if it was used before. */
  async useAssertion(fingerprint: string, expiresAt: string): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("usedAssertions")
      .values({ fingerprint, expiresAt })
      .onConflict((c) => c.column("fingerprint").doNothing()).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async deleteAssertionsBefore(time: string): Promise<void> {
    await this.db.deleteFrom("usedAssertions").where("expiresAt", "<", time).execute();
  }
}
