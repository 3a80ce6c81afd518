/** Principals as users: people, whom their provider makes known, and service principals beside them. */
import type { RoleMapping } from "../../config/mod.ts";
import { roleIdOf } from "../../resources/roles.ts";
import type { PrincipalRow, PrincipalSearch } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, notFound } from "../errors.ts";
import type { Ids } from "../ids.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { endSessionsOfPrincipal } from "./endings.ts";
import type { LiveClients } from "./live_clients.ts";
import { type ProviderPerson, rolesOfGroups } from "./oidc/claims.ts";
import type { Principal } from "./principal.ts";
import { changePrincipal } from "./principal_changes.ts";
import { holderAs, rejectedFor } from "./holders.ts";
import { assertMayGive } from "./rights.ts";
import { OWNER } from "./roles.ts";

interface PeopleParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
  readonly roleMap: readonly RoleMapping[];
  readonly groupsLifetimeMs: number;
}

/**
 * A confirmation of groups is written once in this part of their lifetime: every change of a principal empties the caches of
 * all nodes.
 */
const CONFIRMED_PART = 1 / 10;

/** A person after a sign-in. */
interface SignedInPerson {
  readonly id: string;
  /** Of owners and of groups. */
  readonly roleIds: readonly string[];
  readonly isNew: boolean;
}

/** A principal with the roles that it has now. */
export interface User extends PrincipalRow {
  /** Roles of groups are among them until their lifetime ends. */
  readonly roleIds: readonly string[];
}

/** Reads users, changes people, and keeps people as their provider knows them. */
export class People {
  constructor(private readonly parts: PeopleParts) {}

  /**
   * Finds the person of a sign-in by issuer and subject, or makes a new one, and keeps what the provider says. A person who
   * was deleted comes back without the roles of before. The write holds `locks.ofPerson`.
   * @param isOwner whether an owner's session makes the person an owner
   * @throws PERSON_DISABLED
   */
  async signIn(tx: Writers, person: ProviderPerson, isOwner: boolean): Promise<SignedInPerson> {
    const known = await tx.identity.person(person.issuer, person.subject);
    const { id, time } = this.parts.ids.nextWithTime();
    const now = time.toISOString();
    if (known?.disabled === 1) throw personDisabled(known);
    const before = known === undefined || known.deletedAt !== null
      ? []
      : JSON.parse(known.roles) as string[];
    const roles = isOwner ? [...new Set([...before, OWNER.id])] : before;
    const current = {
      ...this.#ofProvider(person),
      roles: JSON.stringify(roles),
      updatedAt: now,
      deletedAt: null,
      lastSignInAt: now,
      groupsConfirmedAt: now,
    };
    const roleIds = [...new Set([...roles, ...JSON.parse(current.groupRoles) as string[]])];
    if (known !== undefined) {
      await tx.identity.updatePrincipal(known.id, current);
      return { id: known.id, roleIds, isNew: false };
    }
    const { issuer, subject } = person;
    await tx.identity.insertPrincipal({
      id,
      kind: "person",
      issuer,
      subject,
      disabled: 0,
      createdAt: now,
      ...current,
    });
    return { id, roleIds, isNew: true };
  }

  /**
   * Keeps what the provider says of a person; a group that is gone takes its roles.
   * @returns the columns that have changed; undefined for none
   */
  async refresh(
    tx: Writers,
    row: PrincipalRow,
    person: ProviderPerson,
  ): Promise<readonly string[] | undefined> {
    const current = this.#ofProvider(person);
    const names = Object.keys(current) as (keyof typeof current)[];
    const changed = names.filter((name) => row[name] !== current[name]);
    const now = new Date();
    const groupsConfirmedAt = now.toISOString();
    if (changed.length > 0) {
      const updatedAt = groupsConfirmedAt;
      await tx.identity.updatePrincipal(row.id, { ...current, groupsConfirmedAt, updatedAt });
      return changed;
    }
    const keptUntilMs = Date.parse(row.groupsConfirmedAt ?? "1970-01-01") +
      this.parts.groupsLifetimeMs * CONFIRMED_PART;
    if (now.getTime() >= keptUntilMs) {
      await tx.identity.updatePrincipal(row.id, { groupsConfirmedAt });
    }
    return undefined;
  }

  #ofProvider({ displayName, email, username, groups }: ProviderPerson) {
    const roles = rolesOfGroups(groups, this.parts.roleMap).map(roleIdOf);
    return { displayName, email, username, groupRoles: JSON.stringify([...new Set(roles)]) };
  }

  /** A principal of any kind, deleted or not. @throws PRINCIPAL_NOT_FOUND */
  async get(id: string): Promise<User> {
    const row = await this.parts.store.read.identity.principal(id);
    if (row === undefined) throw notFound("PRINCIPAL_NOT_FOUND", "User", id);
    return this.#userOf(row.principal);
  }

  #userOf(row: PrincipalRow): User {
    return { ...row, roleIds: this.parts.liveClients.roleIdsOf(row) };
  }

  /** The id of a principal whose sessions are managed: one of a table, or the owner on the server's host. @throws as `get` */
  async idWithSessions(id: string): Promise<string> {
    const { hostOwner } = this.parts.liveClients;
    return id === hostOwner.id ? id : (await this.get(id)).id;
  }

  /** Principals of every kind that are not deleted, newest first. */
  async list(query: PageQuery): Promise<ListPage<User>> {
    const page = this.parts.pages.open(["users"], query);
    const { rows, next } = await this.parts.store.read.identity.principals({}, page);
    return { list: rows.map((row) => this.#userOf(row)), nextPageToken: page.tokenFor(next) };
  }

  /** Principals that the search finds, newest first. */
  async search(search: PrincipalSearch, query: PageQuery): Promise<ListPage<User>> {
    const { store, pages, liveClients: { groupsCountAfter } } = this.parts;
    const page = pages.open(["users", JSON.stringify(search)], query);
    const { rows, next } = await store.read.identity
      .searchPrincipals({ ...search, groupsCountAfter }, page);
    return { list: rows.map((row) => this.#userOf(row)), nextPageToken: page.tokenFor(next) };
  }

  /**
   * Disables or enables a person. Sessions of a disabled person end for good; personal clients and their tokens do not
   * work until the person is enabled again.
   * @throws PRINCIPAL_NOT_FOUND, ROLE_MISSING, LAST_OWNER
   */
  async setDisabled(by: Principal, id: string, disabled: boolean): Promise<User> {
    return await this.#change(by, id, disabled ? "disable" : "enable", async (tx) => {
      if (disabled) await endSessionsOfPrincipal(tx, id);
      return { disabled: Number(disabled) };
    });
  }

  /** Replaces the roles that owners give a person; groups may give others. @throws as `setDisabled`, INVALID_FIELD */
  async setRoles(by: Principal, id: string, roleIds: readonly string[]): Promise<User> {
    const { liveClients } = this.parts;
    const roles = [...new Set(roleIds)];
    const columns = async (tx: Writers) => {
      await assertMayGive(liveClients, tx.identity, by, roles, "roleIds");
      return { roles: JSON.stringify(roles) };
    };
    return await this.#change(by, id, "change the roles of", columns, roles);
  }

  /** Deletes a person with their sessions, personal clients and roles. @throws as `setDisabled` */
  async delete(by: Principal, id: string): Promise<void> {
    await this.#change(by, id, "delete", async (tx, now) => {
      await endSessionsOfPrincipal(tx, id);
      await tx.identity.deleteCredentialsOf(id, now);
      return { roles: "[]", groupRoles: "[]", deletedAt: now };
    });
  }

  async #change(
    by: Principal,
    id: string,
    verb: string,
    columns: (tx: Writers, now: string) => Promise<Partial<PrincipalRow>>,
    roleIds: readonly string[] = [],
  ): Promise<User> {
    const { store, liveClients } = this.parts;
    const change = { by, kind: "person", id, verb, columns, roleIds } as const;
    return this.#userOf(await changePrincipal(store, liveClients, change));
  }
}

function personDisabled(person: PrincipalRow): DomainError {
  const error = new DomainError(
    "PERSON_DISABLED",
    `${person.displayName} is disabled on this server: ask an owner to enable the user`,
  );
  return rejectedFor(error, holderAs({ ...person, clientId: "" }));
}
