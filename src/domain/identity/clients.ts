import {
  CLIENT_FIELDS,
  CLIENT_SETTINGS,
  type ClientChange,
  type ClientSettings,
} from "../../resources/clients.ts";
import type { ClientRow, CredentialRow, UsedCredentialRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, invalid, notFound } from "../errors.ts";
import { namedFields, type UpdateMask } from "../update_mask.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import type { Access } from "./access.ts";
import { assertBelowCredentialLimit } from "./credential_limit.ts";
import { isPersonal, isSelfMade, mintCredentials, NEW_CREDENTIAL } from "./credentials.ts";
import { endSessionsOfClient } from "./endings.ts";
import type { LiveClient, LiveClients } from "./live_clients.ts";
import { assertHasClients, clientGone, type Principal, requirePermission } from "./principal.ts";
import {
  approverOf,
  earliest,
  type MakerLimits,
  networksWithin,
  NO_LIMITS,
  ownLimits,
} from "./maker_limits.ts";
import { rolesToGive } from "./scoping.ts";
import { changedColumns, columnsOf } from "../resource.ts";
import { formatDuration } from "../../config/mod.ts";
import { CREDENTIAL_LIFETIME } from "../../resources/principals.ts";

/** The kinds of credentials that a principal manages as its own. */
const KINDS: readonly UsedCredentialRow["kind"][] = ["secret", "api_key", "device"];

type ChangeKind = "rename" | "update" | "limit" | "disable" | "delete";

const SERVICE = "c1.api.service_principal.v1.ServicePrincipalService";
const MAY_UPDATE = { operationId: `${SERVICE}.UpdateCredential`, group: "identity:write" } as const;
const MAY_REVOKE = { operationId: `${SERVICE}.RevokeCredential`, group: "identity:write" } as const;

/** What a caller may give to a client, and the limits that the client takes from its maker. */
interface Maker {
  readonly givable: Access;
  readonly limits: MakerLimits;
}

/** The clients of a principal: each has an id and a secret of its own, and can be disabled and deleted alone. */
export class Clients {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly liveClients: LiveClients,
    /** Host, with its port, in the ids of new clients. */
    private readonly host: string,
  ) {}

  /**
   * Makes a client, with no more rights than its maker has. A client that another one makes also ends no later, works
   * from no other networks and needs the same proofs. Its secret exists in the answer alone.
   * @param lifetimeMs undefined for a client that lives as long as its maker may
   * @throws TOKEN_INVALID, INVALID_FIELD, ROLE_MISSING, CREDENTIAL_LIMIT
   */
  async create(
    by: Principal,
    settings: ClientSettings,
    lifetimeMs: number | undefined,
  ): Promise<{ readonly row: UsedCredentialRow; readonly clientSecret: string }> {
    const { credentials, record } = await mintCredentials(this.host, "pcc");
    const { id, time } = this.ids.nextWithTime();
    const createdAt = time.toISOString();
    const expiresAt = lifetimeMs === undefined ? null : isoAfter(time, lifetimeMs);
    const row = await this.store.writeLocked([locks.ofPrincipal(by.id)], async (tx) => {
      const { givable, limits } = await this.#maker(tx, by);
      const scopedRoles = await this.#rolesFor(tx, by, givable, settings, "scopedRoles");
      const asked = settings.allowSourceCidr ?? [];
      const allowSourceCidr = networksWithin(limits, asked, "allowSourceCidr");
      await assertBelowCredentialLimit(tx.identity, by.id, "selfMade");
      await tx.identity.insertCredential({
        ...record,
        ...NEW_CREDENTIAL,
        kind: "secret",
        id,
        principalId: by.id,
        ...columnsOf(CLIENT_SETTINGS, { ...settings, scopedRoles, allowSourceCidr }),
        requireDpop: limits.requireDpop,
        ...{ createdAt, updatedAt: createdAt, deletedAt: null },
        expiresAt: earliest(expiresAt, limits.expiresAt),
      });
      return await clientOf(tx, by, id);
    });
    return { row, clientSecret: credentials.clientSecret };
  }

  /** Newest first, without devices that have expired. */
  async list(by: Principal, query: PageQuery): Promise<ListPage<UsedCredentialRow>> {
    const page = this.pages.open(["clients", by.id], query);
    const which = { kinds: KINDS, now: new Date().toISOString() };
    return page.of(await this.store.read.identity.credentials(by.id, which, page));
  }

  /** @throws CLIENT_NOT_FOUND */
  async get(by: Principal, id: string): Promise<UsedCredentialRow> {
    return await clientOf(this.store.read, by, id);
  }

  /**
   * Changes a client whose rights the caller has. The end of its life can only come closer.
   * @throws CLIENT_NOT_FOUND, ROLE_MISSING, INVALID_FIELD, also for disabling or limiting the client of the request
   */
  async update(
    by: Principal,
    id: string,
    change: ClientChange,
    mask: UpdateMask | undefined,
  ): Promise<UsedCredentialRow> {
    const fields = namedFields(mask, CLIENT_FIELDS, change, "client");
    const limits = fields.has("scopedRoles") || fields.has("allowSourceCidr") ||
      fields.has("expiresTime");
    const disables = fields.has("disabled") && change.disabled;
    const renames = [...fields].every((field) => field === "displayName");
    const what = disables ? "disable" : limits ? "limit" : renames ? "rename" : "update";
    const settings = [...fields].filter((field) => field !== "expiresTime");
    return await this.#change(by, id, what, async (tx, before, { limits }) => {
      const scopedRoles = fields.has("scopedRoles")
        ? await this.#rolesFor(tx, by, by.access, change, "client.scopedRoles")
        : [];
      const asked = change.allowSourceCidr ?? [];
      const allowSourceCidr = fields.has("allowSourceCidr")
        ? networksWithin(limits, asked, "client.allowSourceCidr")
        : [];
      const wanted = { ...change, scopedRoles, allowSourceCidr };
      const columns = changedColumns(CLIENT_SETTINGS, wanted, settings);
      if (!fields.has("expiresTime")) return columns;
      const expiresAt = change.expiresTime ?? null;
      assertExpiry(before.expiresAt, expiresAt, "client.expiresTime");
      return { ...columns, expiresAt };
    });
  }

  /**
   * Deletes a client whose rights the caller has. A personal client can delete itself, as `invoked logout` does.
   * @throws CLIENT_NOT_FOUND, ROLE_MISSING, INVALID_FIELD for another client of the request
   */
  async delete(by: Principal, id: string): Promise<void> {
    const deletion = { deletedAt: new Date().toISOString() };
    await this.#change(by, id, "delete", () => Promise.resolve(deletion));
  }

  async #change(
    by: Principal,
    id: string,
    what: ChangeKind,
    change: (
      tx: Writers,
      before: UsedCredentialRow,
      maker: Maker,
    ) => Promise<Parameters<Writers["identity"]["updateCredential"]>[1]>,
  ): Promise<UsedCredentialRow> {
    return await this.store.writeLocked([locks.ofPrincipal(by.id)], async (tx) => {
      // Of two clients that delete each other at the same time, one remains.
      const maker = await this.#maker(tx, by);
      const client = await clientOf(tx, by, id);
      const isOwn = client.clientId === by.clientId;
      if (isOwn && !mayActOnItself(client, what)) throw ownClient(what);
      if (!isOwn) {
        this.#assertIncludes(by, await tx.identity.client(client.clientId));
        if (what !== "rename") assertManages(by, client, what);
      }
      // Once it is enabled again, its browsers sign in again.
      if (what === "disable" || what === "delete") {
        await endSessionsOfClient(tx, client);
      }
      const updatedAt = new Date().toISOString();
      tx.audit.keepEarlier("credentials", client);
      await tx.identity.updateCredential(id, { updatedAt, ...await change(tx, client, maker) });
      return what === "delete" ? client : await clientOf(tx, by, id);
    });
  }

  /**
   * What the caller may give to a client: of a session without a client, what the session may do.
   * @throws TOKEN_INVALID, ROLE_MISSING for a workload of a trust, which is checked by its own token alone
   */
  async #maker({ identity }: Writers, by: Principal): Promise<Maker> {
    assertHasClients(by);
    const row = await identity.client(by.clientId);
    if (row !== undefined) {
      const client = this.liveClients.of(row);
      if (client === undefined) throw clientGone();
      if (row.credential.kind === "trust") throw isWorkload(by);
      const { givable, limits } = await this.#givenBy(identity, by, client, row.credential);
      // What a token makes that is bound to a key needs proofs, too: otherwise a bound token could leave its key behind.
      return { givable, limits: by.isBound === true ? { ...limits, requireDpop: 1 } : limits };
    }
    const person = this.liveClients.principal(await identity.principal(by.id), by.clientId);
    if (person === undefined) throw clientGone();
    return { givable: by.access, limits: NO_LIMITS };
  }

  /** @throws TOKEN_INVALID for a device whose approver may not act any more */
  async #givenBy(
    identity: Writers["identity"],
    by: Principal,
    { givable }: LiveClient,
    credential: CredentialRow,
  ): Promise<Maker> {
    if (credential.kind !== "device") return { givable: by.access, limits: ownLimits(credential) };
    const approver = await approverOf(identity, this.liveClients, credential);
    if (approver === undefined) throw clientGone();
    return { givable: givable.cutAs(approver.givable), limits: approver.limits };
  }

  async #rolesFor(
    { identity }: Writers,
    by: Principal,
    givable: Access,
    { scopedRoles = [] }: ClientSettings,
    field: string,
  ): Promise<readonly string[]> {
    const { liveClients } = this;
    return await rolesToGive({ liveClients, identity, by, givable, asked: scopedRoles, field });
  }

  /** @throws ROLE_MISSING */
  #assertIncludes(by: Principal, client: ClientRow | undefined): void {
    if (client === undefined || by.access.includes(this.liveClients.accessOf(client))) return;
    throw new DomainError(
      "ROLE_MISSING",
      `${by.displayName} may not change this client: the client has rights that ${by.displayName} lacks`,
    );
  }
}

function isWorkload({ displayName }: Principal): DomainError {
  return new DomainError(
    "ROLE_MISSING",
    `${displayName} may not make or change clients: it is a workload of a trust, and a client would outlive its token`,
  );
}

function isoAfter(time: Date, ms: number): string {
  return new Date(time.getTime() + ms).toISOString();
}

/** @throws CLIENT_NOT_FOUND for an unknown or deleted client, and for one of another principal */
async function clientOf(
  { identity }: Pick<Store["read"], "identity">,
  by: Principal,
  id: string,
): Promise<UsedCredentialRow> {
  const row = await identity.credential(id);
  const isOwn = row?.principalId === by.id && row.deletedAt === null && KINDS.includes(row.kind);
  if (row !== undefined && isOwn) return row;
  const why = `does not exist: ${by.displayName} has no client with this id`;
  throw notFound("CLIENT_NOT_FOUND", "Client", id, why);
}

/**
 * Checks a change of a credential that owners manage: what an owner disabled or limited, no other credential of the
 * service principal undoes.
 * @throws ROLE_MISSING
 */
function assertManages(by: Principal, credential: CredentialRow, what: ChangeKind): void {
  if (isSelfMade(credential)) return;
  requirePermission(by, what === "delete" ? MAY_REVOKE : MAY_UPDATE);
}

/** A client of a service principal that ends itself could leave nobody who can get in. */
function mayActOnItself(client: CredentialRow, what: ChangeKind): boolean {
  return what === "rename" || what === "update" ||
    (what === "delete" && isPersonal(client.clientId));
}

function ownClient(what: ChangeKind): DomainError {
  const description = `is the client of this request; ${what} it with another client`;
  return invalid({ field: "id", description });
}

/**
 * Checks a new end of a credential's life, which can only come closer: a leaked secret must not live longer by its own
 * request.
 * @param before null for a credential that does not expire
 * @param wanted RFC 3339; null for no end
 * @throws INVALID_FIELD
 */
function assertExpiry(before: string | null, wanted: string | null, field: string): void {
  if (before === wanted) return;
  const violation = violationOf(before, wanted);
  if (violation !== undefined) throw invalid({ field, description: violation });
}

function violationOf(before: string | null, wanted: string | null): string | undefined {
  if (wanted === null) return `cannot be removed: the client expires at ${before}`;
  const end = Date.parse(wanted);
  const latest = Date.now() + CREDENTIAL_LIFETIME.max;
  if (end <= Date.now()) return `${wanted} has passed`;
  if (end > latest) {
    return `${wanted} is more than ${formatDuration(CREDENTIAL_LIFETIME.max)} ahead`;
  }
  if (before === null || end <= Date.parse(before)) return undefined;
  return `${wanted} is later than ${before}: the life of a client is never extended`;
}
