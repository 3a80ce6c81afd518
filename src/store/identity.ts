import { type ExpressionBuilder, type Kysely, type Selectable, sql, type Updateable } from "kysely";
import { type Expired, expiredOf } from "./expired.ts";
import { containing, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./row_cache.ts";
import type { CredentialTable, PrincipalTable, RoleTable, Schema } from "./schema.ts";
import type { ServerKeyTable } from "./server_tables.ts";

export type PrincipalRow = Selectable<PrincipalTable>;
export type CredentialRow = Selectable<CredentialTable>;
export type RoleRow = Selectable<RoleTable>;
export type ServerKeyRow = Selectable<ServerKeyTable>;
/** A credential with when it was last used; null for never. */
export type UsedCredentialRow = CredentialRow & { readonly lastUsedAt: string | null };
/** A principal with the custom roles among its roles. */
export interface PrincipalWithRoles {
  readonly principal: PrincipalRow;
  readonly customRoles: readonly RoleRow[];
}
/** A credential with its principal, and the custom roles among the roles of both. */
export interface ClientRow extends PrincipalWithRoles {
  readonly credential: CredentialRow;
  /** Whether it is a trust whose provider is disabled. */
  readonly isProviderDisabled: boolean;
}

type Status = "enabled" | "disabled" | "deleted";

/** What a search of principals is for. An undefined field finds all; lists of ids are not empty. */
export interface PrincipalSearch {
  /** Part of a name, email or username, in any case. */
  readonly query?: string | undefined;
  /** The whole email, in any case. */
  readonly email?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly excludeIds?: readonly string[] | undefined;
  /** Any of these roles, given by an owner, or by groups whose roles count. */
  readonly roleIds?: readonly string[] | undefined;
  /** RFC 3339: roles of groups count that were confirmed after this time. Undefined if all of them count. */
  readonly groupsCountAfter?: string | undefined;
  readonly statuses: readonly Status[];
  readonly kinds?: readonly PrincipalRow["kind"][] | undefined;
}

function statusIs(where: ExpressionBuilder<Schema, "principals">, status: Status) {
  if (status === "deleted") return where("deletedAt", "is not", null);
  return where.and([
    where("deletedAt", "is", null),
    where("disabled", "=", Number(status === "disabled")),
  ]);
}

/** Reads principals, their credentials, custom roles and the sealed keys of the server. */
export class IdentityReader {
  constructor(protected readonly db: Kysely<Schema>, private readonly cache: RowReads) {}

  /** The credential, deleted or not, with its principal. */
  client(clientId: string): Promise<ClientRow | undefined> {
    return this.cache.read(`client ${clientId}`, () =>
      this.#clientOf(
        this.db.selectFrom("credentials").selectAll().where("clientId", "=", clientId)
          .executeTakeFirst(),
      ));
  }

  /** The API key with a hash, deleted or not, with its principal. */
  apiKey(secretHash: string): Promise<ClientRow | undefined> {
    return this.cache.read(`api key ${secretHash}`, () =>
      this.#clientOf(
        this.db.selectFrom("credentials").selectAll().where("secretHash", "=", secretHash)
          .where("kind", "=", "api_key").executeTakeFirst(),
      ));
  }

  /** The principal, deleted or not, with its custom roles. */
  principal(id: string): Promise<PrincipalWithRoles | undefined> {
    return this.cache.read(`principal ${id}`, async () => {
      const principal = await this.db.selectFrom("principals").selectAll().where("id", "=", id)
        .executeTakeFirst();
      if (principal === undefined) return undefined;
      return { principal, customRoles: await this.#rolesIn(principal.roles, principal.groupRoles) };
    });
  }

  async #clientOf(found: Promise<CredentialRow | undefined>): Promise<ClientRow | undefined> {
    const credential = await found;
    if (credential === undefined) return undefined;
    const principal = await this.db.selectFrom("principals").selectAll()
      .where("id", "=", credential.principalId).executeTakeFirstOrThrow();
    const { roles, groupRoles } = principal;
    const customRoles = await this.#rolesIn(roles, groupRoles, credential.scopedRoles);
    const isProviderDisabled = credential.kind === "trust" &&
      await this.#isProviderDisabled(credential.id);
    return { credential, principal, customRoles, isProviderDisabled };
  }

  async #isProviderDisabled(trustId: string): Promise<boolean> {
    const provider = await this.db.selectFrom("federationTrusts")
      .innerJoin("federationProviders", "federationProviders.id", "federationTrusts.providerId")
      .select("federationProviders.disabled").where("federationTrusts.id", "=", trustId)
      .executeTakeFirst();
    return provider?.disabled === 1;
  }

  /** @param lists JSON arrays of ids */
  async #rolesIn(...lists: readonly string[]): Promise<readonly RoleRow[]> {
    const ids = lists.flatMap((list) => JSON.parse(list) as string[]);
    return ids.length === 0 ? [] : await this.#roles(ids);
  }

  /** The custom roles with these ids that are not deleted. */
  roles(ids: readonly string[]): Promise<readonly RoleRow[]> {
    return this.cache.read(`roles ${ids.toSorted().join(" ")}`, () => this.#roles(ids));
  }

  async #roles(ids: readonly string[]): Promise<readonly RoleRow[]> {
    return await this.db.selectFrom("roles").selectAll().where("id", "in", ids)
      .where("deletedAt", "is", null).orderBy("id").execute();
  }

  /** Custom roles that are not deleted, newest first. @param filter.ids only these; undefined for all */
  customRoles(
    { ids }: { readonly ids?: readonly string[] },
    page: PageRequest,
  ): Promise<Page<RoleRow>> {
    let query = this.db.selectFrom("roles").selectAll().where("deletedAt", "is", null);
    if (ids !== undefined) query = query.where("id", "in", ids);
    return fetchPage(query, "id", page);
  }

  /** Principals of a kind that are not deleted, newest first. @param ids only these; undefined for all */
  principals(
    { kind, ids }: { readonly kind?: PrincipalRow["kind"]; readonly ids?: readonly string[] },
    page: PageRequest,
  ): Promise<Page<PrincipalRow>> {
    let query = this.db.selectFrom("principals").selectAll().where("deletedAt", "is", null);
    if (kind !== undefined) query = query.where("kind", "=", kind);
    if (ids !== undefined) query = query.where("id", "in", ids);
    return fetchPage(query, "id", page);
  }

  /** Names of principals by their ids, including deleted principals. */
  async displayNames(ids: readonly string[]): Promise<[id: string, displayName: string][]> {
    const rows = await this.db.selectFrom("principals").select(["id", "displayName"])
      .where("id", "in", ids).execute();
    return rows.map(({ id, displayName }) => [id, displayName]);
  }

  /** Principals that a search finds, newest first. */
  searchPrincipals(search: PrincipalSearch, page: PageRequest): Promise<Page<PrincipalRow>> {
    const { query: text, email, ids, excludeIds, roleIds, groupsCountAfter, statuses, kinds } =
      search;
    let query = this.db.selectFrom("principals").selectAll();
    if (ids !== undefined) query = query.where("id", "in", ids);
    if (excludeIds !== undefined) query = query.where("id", "not in", excludeIds);
    if (kinds !== undefined) {
      query = query.where((where) => where.or(kinds.map((kind) => where("kind", "=", kind))));
    }
    if (email !== undefined) query = query.where(sql`lower(email)`, "=", email.toLowerCase());
    if (text !== undefined) {
      const pattern = containing(text.toLowerCase());
      query = query.where((where) =>
        where.or(
          ["displayName", "email", "username"].map((column) =>
            sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`
          ),
        )
      );
    }
    if (roleIds !== undefined) {
      query = query.where((where) =>
        where.or(roleIds.flatMap((id) => {
          const ofGroups = where("groupRoles", "like", `%"${id}"%`);
          return [
            where("roles", "like", `%"${id}"%`),
            groupsCountAfter === undefined
              ? ofGroups
              : where.and([ofGroups, where("groupsConfirmedAt", ">", groupsCountAfter)]),
          ];
        }))
      );
    }
    query = query.where((where) => where.or(statuses.map((status) => statusIs(where, status))));
    return fetchPage(query, "id", page);
  }

  /** The person with a name at a provider, deleted or not. */
  person(issuer: string, subject: string): Promise<PrincipalRow | undefined> {
    return this.db.selectFrom("principals").selectAll().where("issuer", "=", issuer)
      .where("subject", "=", subject).executeTakeFirst();
  }

  /** The principals that are not deleted and have one of the lists of roles that names the role. */
  async principalsWithRole(roleId: string): Promise<readonly PrincipalRow[]> {
    const names = `%"${roleId}"%`;
    return await this.db.selectFrom("principals").selectAll().where("deletedAt", "is", null)
      .where((where) =>
        where.or([where("roles", "like", names), where("groupRoles", "like", names)])
      ).orderBy("id").execute();
  }

  /** The names of credentials that are not deleted and are limited to a role, oldest first. */
  async credentialsWithRole(roleId: string, limit: number): Promise<string[]> {
    const rows = await this.db.selectFrom("credentials").select("displayName")
      .where("deletedAt", "is", null).where("scopedRoles", "like", `%"${roleId}"%`)
      .orderBy("id").limit(limit).execute();
    return rows.map(({ displayName }) => displayName);
  }

  /** The credential of any kind, deleted or not. */
  credential(id: string): Promise<UsedCredentialRow | undefined> {
    return this.#credentials().where("credentials.id", "=", id).executeTakeFirst();
  }

  /**
   * Credentials of a principal of these kinds that are not deleted, newest first. Devices that have expired at a time are
   * not among them: each sign-in of a device leaves one behind.
   */
  credentials(
    principalId: string,
    { kinds, now }: { readonly kinds: readonly CredentialRow["kind"][]; readonly now: string },
    page: PageRequest,
  ): Promise<Page<UsedCredentialRow>> {
    const query = this.#credentials().where("principalId", "=", principalId)
      .where("kind", "in", kinds).where("deletedAt", "is", null)
      .where(({ eb, or }) => or([eb("kind", "!=", "device"), eb("expiresAt", ">", now)]));
    return fetchPage(query, "credentials.id", page);
  }

  /** The credentials of a principal that have not ended at a time, of every kind, oldest first. */
  async openCredentials(
    principalId: string,
    now: string,
  ): Promise<readonly Pick<CredentialRow, "kind" | "clientId">[]> {
    return await this.db.selectFrom("credentials").select(["kind", "clientId"])
      .where("principalId", "=", principalId).where("deletedAt", "is", null)
      .where(({ eb, or }) => or([eb("expiresAt", "is", null), eb("expiresAt", ">", now)]))
      .orderBy("id").execute();
  }

  #credentials() {
    return this.db.selectFrom("credentials")
      .leftJoin("credentialUses", "credentialUses.credentialId", "credentials.id")
      .selectAll("credentials").select("credentialUses.lastUsedAt");
  }

  /** The credentials that are not deleted of all principals that are not deleted. */
  async allClients(): Promise<readonly ClientRow[]> {
    const principals = await this.db.selectFrom("principals").selectAll()
      .where("deletedAt", "is", null).execute();
    const byId = new Map(principals.map((row) => [row.id, row]));
    const credentials = await this.db.selectFrom("credentials").selectAll()
      .where("deletedAt", "is", null).orderBy("id").execute();
    return credentials.flatMap((credential) => {
      const principal = byId.get(credential.principalId);
      return principal === undefined
        ? []
        : [{ credential, principal, customRoles: [], isProviderDisabled: false }];
    });
  }

  /** Keys for one purpose, newest first. */
  keys(purpose: string): Promise<readonly ServerKeyRow[]> {
    return this.cache.read(
      `keys ${purpose}`,
      () =>
        this.db.selectFrom("serverKeys").selectAll().where("purpose", "=", purpose)
          .orderBy("createdAt", "desc").orderBy("id", "desc").execute(),
    );
  }

  /**
   * The credentials that expired or were deleted before a time, but for those of devices that have expired by now, which
   * are erased at once.
   */
  async endedCredentials(time: string, now: string): Promise<Expired> {
    const endedAt = sql<
      string | null
    >`case when deleted_at < ${time} then deleted_at else expires_at end`;
    const row = await this.db.selectFrom("credentials")
      .where(({ eb, or }) => or([eb("deletedAt", "<", time), eb("expiresAt", "<", time)]))
      .where(({ eb, or }) =>
        or([eb("kind", "<>", "device"), eb("expiresAt", "is", null), eb("expiresAt", ">=", now)])
      )
      .select(({ fn }) => [
        fn.countAll<number | bigint>().as("count"),
        sql<string | null>`min(${endedAt})`.as("oldest"),
        sql<string | null>`max(${endedAt})`.as("newest"),
      ]).executeTakeFirstOrThrow();
    return expiredOf(row);
  }

  /** Keys for every purpose. */
  allKeys(): Promise<ServerKeyRow[]> {
    return this.db.selectFrom("serverKeys").selectAll().orderBy("id").execute();
  }
}

/** Writes principals, their credentials, custom roles and the sealed keys of the server. */
export class IdentityWriter extends IdentityReader {
  async insertPrincipal(row: PrincipalRow): Promise<void> {
    await this.db.insertInto("principals").values(row).execute();
  }

  async updatePrincipal(id: string, change: Updateable<PrincipalTable>): Promise<void> {
    await this.db.updateTable("principals").set(change).where("id", "=", id).execute();
  }

  async insertCredential(row: CredentialRow): Promise<void> {
    await this.db.insertInto("credentials").values(row).execute();
  }

  async updateCredential(id: string, change: Updateable<CredentialTable>): Promise<void> {
    await this.db.updateTable("credentials").set(change).where("id", "=", id).execute();
  }

  /** Deletes all credentials of a principal that are not deleted. */
  async deleteCredentialsOf(principalId: string, deletedAt: string): Promise<void> {
    await this.db.updateTable("credentials").set({ deletedAt, updatedAt: deletedAt })
      .where("principalId", "=", principalId).where("deletedAt", "is", null).execute();
  }

  /** Deletes the credentials of the devices that a session of a client of a principal has approved. */
  async deleteDevicesOf(
    principalId: string,
    approverClientId: string,
    deletedAt: string,
  ): Promise<void> {
    await this.db.updateTable("credentials").set({ deletedAt, updatedAt: deletedAt })
      .where("principalId", "=", principalId).where("approverClientId", "=", approverClientId)
      .where("kind", "=", "device").where("deletedAt", "is", null).execute();
  }

  /**
   * Erases credentials that expired or were deleted before a time, oldest first, with when they were used and with what
   * trusts have besides.
   * @param limit the most that are erased
   * @returns what was erased
   */
  async eraseEndedCredentials(time: string, limit: number): Promise<readonly CredentialRow[]> {
    const ended = await this.db.selectFrom("credentials").selectAll()
      .where(({ eb, or }) => or([eb("deletedAt", "<", time), eb("expiresAt", "<", time)]))
      .orderBy("id").limit(limit).execute();
    const ids = ended.map(({ id }) => id);
    if (ids.length === 0) return [];
    await this.db.deleteFrom("credentialUses").where("credentialId", "in", ids).execute();
    await this.db.deleteFrom("federationTrusts").where("id", "in", ids).execute();
    await this.db.deleteFrom("credentials").where("id", "in", ids).execute();
    return ended;
  }

  /** Notes that a credential was used; of several nodes the latest time remains. */
  async noteUse(credentialId: string, lastUsedAt: string): Promise<void> {
    await this.db.insertInto("credentialUses").values({ credentialId, lastUsedAt })
      .onConflict((c) =>
        c.column("credentialId").doUpdateSet({ lastUsedAt })
          .where("credentialUses.lastUsedAt", "<", lastUsedAt)
      ).execute();
  }

  async insertRole(row: RoleRow): Promise<void> {
    await this.db.insertInto("roles").values(row).execute();
  }

  async updateRole(id: string, change: Updateable<RoleTable>): Promise<void> {
    await this.db.updateTable("roles").set(change).where("id", "=", id).execute();
  }

  async insertKey(row: ServerKeyRow): Promise<void> {
    await this.db.insertInto("serverKeys").values(row).execute();
  }

  /** As {@link insertKey}, unless a key with this id exists. */
  async insertKeyOnce(row: ServerKeyRow): Promise<void> {
    await this.db.insertInto("serverKeys").values(row)
      .onConflict((c) => c.column("id").doNothing()).execute();
  }

  async deleteKeys(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.db.deleteFrom("serverKeys").where("id", "in", ids).execute();
  }

  async resealKey(id: string, sealed: Uint8Array): Promise<void> {
    await this.db.updateTable("serverKeys").set({ sealed }).where("id", "=", id).execute();
  }
}
