/** Who may act now: credentials and principals that are neither deleted, disabled nor expired, with their rights. */
import type { FunctionRow } from "../../store/functions.ts";
import type {
  ClientRow,
  IdentityReader,
  PrincipalWithRoles,
  RoleRow,
} from "../../store/identity.ts";
import { Access, type Grant } from "./access.ts";
import type { Principal } from "./principal.ts";
import { OWNER, type PermissionCatalog } from "./roles.ts";
import { type SourceNetworks, sourceNetworks } from "./source_networks.ts";

/** A credential that may be used. */
export interface LiveClient {
  readonly principal: Principal;
  /** What new clients may get that this one creates. */
  readonly givable: Access;
  /** Id of the credential. */
  readonly credentialId: string;
  /** When it expires; Infinity for never. */
  readonly expiresAtMs: number;
  /** From where it may be used. */
  readonly sources: SourceNetworks;
  readonly requireDpop: boolean;
}

const HOST_OWNER_ID = "000000000000000000hostowner";
/** Who signs in with a link of the server's host. */
const HOST_OWNER = {
  id: HOST_OWNER_ID,
  displayName: "Owner on the server's host",
  clientId: HOST_OWNER_ID,
} as const;

interface KnownClient extends LiveClient {
  readonly isUsable: boolean;
  /** When roles of groups end that it has; Infinity without them. */
  readonly groupsEndMs: number;
}

/** Lists of roles in the tokens of one client whose rights are kept. */
const CUTS_MAX = 32;

/** Finds out who may act, and what their roles permit. */
export class LiveClients {
  /** What follows from a row that is kept in memory; rows are replaced when anything of them changes. */
  readonly #known = new WeakMap<ClientRow, KnownClient>();

  /** The rights of clients, cut by the roles of their tokens. */
  readonly #cuts = new WeakMap<Access, Map<string, Access>>();

  /** @param groupsLifetimeMs how long roles of groups count after the provider confirmed the groups */
  constructor(readonly catalog: PermissionCatalog, private readonly groupsLifetimeMs: number) {}

  /** The client of a row; undefined for one that may not be used. */
  of(row: ClientRow | undefined): LiveClient | undefined {
    if (row === undefined) return undefined;
    const known = this.#knownOf(row);
    return known.isUsable && Date.now() < known.expiresAtMs ? known : undefined;
  }

  /** What the client of a row may do, or could do if it were not disabled. */
  accessOf(row: ClientRow): Access {
    return this.#knownOf(row).principal.access;
  }

  #knownOf(row: ClientRow): KnownClient {
    let known = this.#known.get(row);
    if (known === undefined || Date.now() >= known.groupsEndMs) {
      known = this.#clientOf(row);
      this.#known.set(row, known);
    }
    return known;
  }

  #clientOf(row: ClientRow): KnownClient {
    const { credential, principal, customRoles } = row;
    const { id, clientId, expiresAt, disabled, deletedAt, allowSourceCidrs } = credential;
    const scoped = JSON.parse(credential.scopedRoles) as string[];
    const groupsEndMs = this.#groupsEndMs(principal);
    const whole = this.#wholeAccessOf(row);
    const givable = scoped.length === 0 ? whole : whole.cutBy(this.grants(scoped, customRoles));
    return {
      principal: {
        kind: principal.kind,
        id: principal.id,
        displayName: credential.displayName || principal.displayName,
        clientId,
        access: credential.kind === "device" ? givable.cutBy([this.#ofDevice]) : givable,
      },
      givable,
      credentialId: id,
      expiresAtMs: expiresAt === null ? Infinity : Date.parse(expiresAt),
      sources: sourceNetworks(JSON.parse(allowSourceCidrs) as string[]),
      requireDpop: credential.requireDpop === 1,
      isUsable: isUsable(principal) && disabled === 0 && deletedAt === null &&
        !row.isProviderDisabled,
      groupsEndMs,
    };
  }

  /**
   * A principal that acts without a credential, such as a person in a session; undefined for one that may not act.
   * @param clientId whose requests are counted together
   */
  principal(row: PrincipalWithRoles | undefined, clientId: string): Principal | undefined {
    if (row === undefined || !isUsable(row.principal)) return undefined;
    const { kind, id, displayName } = row.principal;
    return { kind, id, displayName, clientId, access: this.#wholeAccessOf(row) };
  }

  /** The owner that a link of the server's host signs in. It is in no table, so that nobody can remove it. */
  get hostOwner(): Principal {
    return {
      kind: "server",
      ...HOST_OWNER,
      access: new Access([this.grants([OWNER.id], [])], this.catalog.self),
    };
  }

  /**
   * What a function may do: read itself with its commits and invocations, and besides what the principal permits that it
   * is bound to, or what its own roles permit.
   * @param bound the principal that it is bound to; undefined for none
   */
  functionAccess(
    fn: Pick<FunctionRow, "id" | "scopedRoleIds" | "principalId">,
    bound: PrincipalWithRoles | undefined,
    customRoles: readonly RoleRow[],
  ): Access {
    const own: Grant = {
      roleId: "",
      permissions: this.catalog.ofFunction,
      functions: new Set([fn.id]),
    };
    const grants = fn.principalId === null
      ? this.grants(JSON.parse(fn.scopedRoleIds) as string[], customRoles)
      : bound !== undefined && isUsable(bound.principal)
      ? this.#grantsOf(bound)
      : [];
    return new Access([[own, ...grants]], this.catalog.self);
  }

  /** A device only creates a client, which then has the rights. */
  get #ofDevice(): Grant {
    return { roleId: "", permissions: this.catalog.ofDevice, functions: "all" };
  }

  #wholeAccessOf(row: PrincipalWithRoles): Access {
    return new Access([this.#grantsOf(row)], this.catalog.self);
  }

  #grantsOf({ principal, customRoles }: PrincipalWithRoles): Grant[] {
    return this.grants(this.roleIdsOf(principal), customRoles);
  }

  /** The ids of the roles that a principal has now: of owners, and of groups that the provider confirmed lately. */
  roleIdsOf(principal: PrincipalWithRoles["principal"]): readonly string[] {
    const { roles, groupRoles } = principal;
    const lists = Number.isFinite(this.#groupsEndMs(principal)) ? [roles, groupRoles] : [roles];
    return [...new Set(lists.flatMap((list) => JSON.parse(list) as string[]))];
  }

  /** RFC 3339: roles of groups count that the provider confirmed after this time; undefined if all of them count. */
  get groupsCountAfter(): string | undefined {
    const ms = Date.now() - this.groupsLifetimeMs;
    return Number.isFinite(ms) ? new Date(ms).toISOString() : undefined;
  }

  /** When the roles of groups end that a principal has now; Infinity for a principal without them. */
  #groupsEndMs({ groupRoles, groupsConfirmedAt }: PrincipalWithRoles["principal"]): number {
    if (groupRoles === "[]" || groupsConfirmedAt === null) return Infinity;
    const endMs = Date.parse(groupsConfirmedAt) + this.groupsLifetimeMs;
    return Date.now() < endMs ? endMs : Infinity;
  }

  /** What roles grant. An unknown id grants nothing. @param customRoles those among them */
  grants(roleIds: readonly string[], customRoles: readonly RoleRow[]): Grant[] {
    return [...new Set(roleIds)].flatMap((roleId): Grant[] => {
      const builtin = this.catalog.ofBuiltin(roleId);
      if (builtin !== undefined) return [{ roleId, permissions: builtin, functions: "all" }];
      const role = customRoles.find(({ id }) => id === roleId);
      if (role === undefined) return [];
      const { permissions, functionIds } = role;
      return [{
        roleId,
        permissions: new Set([...JSON.parse(permissions) as string[], ...this.catalog.self]),
        functions: functionIds === null ? "all" : new Set(JSON.parse(functionIds) as string[]),
      }];
    });
  }

  /**
   * The rights of a client, cut by the roles of its token. What was found is kept with the rights of the client, which
   * are replaced when the client, its principal or any role changes.
   */
  async cut(
    access: Access,
    roleIds: readonly string[],
    identity: Pick<IdentityReader, "roles">,
  ): Promise<Access> {
    const key = roleIds.join();
    const known = this.#cuts.get(access)?.get(key);
    if (known !== undefined) return known;
    const cut = access.cutBy(await this.grantsOf(identity, roleIds));
    const cuts = this.#cuts.get(access) ?? new Map<string, Access>();
    // A client can ask for any list of roles.
    if (cuts.size >= CUTS_MAX) cuts.clear();
    this.#cuts.set(access, cuts.set(key, cut));
    return cut;
  }

  /** What roles grant, custom ones as they are now. An unknown id grants nothing. */
  async grantsOf(
    identity: Pick<IdentityReader, "roles">,
    roleIds: readonly string[],
  ): Promise<Grant[]> {
    const custom = roleIds.filter((id) => this.catalog.ofBuiltin(id) === undefined);
    return this.grants(roleIds, custom.length === 0 ? [] : await identity.roles(custom));
  }
}

/** Whether a principal may act. */
export function isUsable({ disabled, deletedAt }: PrincipalWithRoles["principal"]): boolean {
  return disabled === 0 && deletedAt === null;
}
