import type { Kysely, RawBuilder, Selectable, Updateable } from "kysely";
import { sql } from "kysely";
import type { Capabilities } from "./dialect.ts";
import type { CredentialRow } from "./identity.ts";
import { containing, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { FederationProviderTable, FederationTrustTable } from "./federation_tables.ts";
import type { Schema } from "./schema.ts";

export type ProviderRow = Selectable<FederationProviderTable>;
type TrustTableRow = Selectable<FederationTrustTable>;
/** A trust with its credential. */
export type TrustRow = CredentialRow & TrustTableRow;

/** Which trusts a list has. */
interface TrustFilter {
  readonly principalId?: string | undefined;
  readonly providerId?: string | undefined;
  /** Text in the name or the description. */
  readonly query?: string | undefined;
}

/** Reads providers of workload identities, and the trusts in them. */
export class FederationReader {
  constructor(
    protected readonly db: Kysely<Schema>,
    private readonly capabilities: Pick<Capabilities, "caseInsensitiveLike">,
  ) {}

  provider(id: string): Promise<ProviderRow | undefined> {
    return this.db.selectFrom("federationProviders").selectAll().where("id", "=", id)
      .executeTakeFirst();
  }

  providerOfIssuer(issuerUrl: string): Promise<ProviderRow | undefined> {
    return this.db.selectFrom("federationProviders").selectAll()
      .where("issuerUrl", "=", issuerUrl).executeTakeFirst();
  }

  /** Newest first. */
  providers(page: PageRequest): Promise<Page<ProviderRow>> {
    return fetchPage(this.db.selectFrom("federationProviders").selectAll(), "id", page);
  }

  /** The trust of a client id; undefined for a deleted one. */
  trust(clientId: string): Promise<TrustRow | undefined> {
    return this.#trusts().where("clientId", "=", clientId).executeTakeFirst();
  }

  /** Newest first. */
  trusts(
    { principalId, providerId, query: text = "" }: TrustFilter,
    page: PageRequest,
  ): Promise<Page<TrustRow>> {
    let query = this.#trusts();
    if (principalId !== undefined) query = query.where("principalId", "=", principalId);
    if (providerId !== undefined) query = query.where("providerId", "=", providerId);
    if (text !== "") {
      const like = sql.raw(this.capabilities.caseInsensitiveLike);
      const has = (column: string): RawBuilder<boolean> =>
        sql<boolean>`${sql.ref(column)} ${like} ${containing(text)} escape '\\'`;
      query = query.where((where) =>
        where.or(["credentials.displayName", "federationTrusts.description", "clientId"].map(has))
      );
    }
    return fetchPage(query, "credentials.id", page);
  }

  #trusts() {
    return this.db.selectFrom("credentials")
      .innerJoin("federationTrusts", "federationTrusts.id", "credentials.id")
      .selectAll("credentials").selectAll("federationTrusts").where("deletedAt", "is", null);
  }
}

/** Writes providers of workload identities, and what trusts have besides their credential. */
export class FederationWriter extends FederationReader {
  async insertProvider(row: ProviderRow): Promise<void> {
    await this.db.insertInto("federationProviders").values(row).execute();
  }

  async updateProvider(id: string, change: Updateable<FederationProviderTable>): Promise<void> {
    await this.db.updateTable("federationProviders").set(change).where("id", "=", id).execute();
  }

  async deleteProvider(id: string): Promise<void> {
    await this.db.deleteFrom("federationProviders").where("id", "=", id).execute();
  }

  async insertTrust(row: TrustTableRow): Promise<void> {
    await this.db.insertInto("federationTrusts").values(row).execute();
  }

  async updateTrust(id: string, change: Updateable<FederationTrustTable>): Promise<void> {
    await this.db.updateTable("federationTrusts").set(change).where("id", "=", id).execute();
  }
}
