/** Service principals: who acts in place of programs and of functions. */
import {
  PRINCIPAL_FIELDS,
  PRINCIPAL_SETTINGS,
  type PrincipalSettings,
} from "../../resources/principals.ts";
import type { PrincipalRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import type { Ids } from "../ids.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { changedColumns } from "../resource.ts";
import { namedFields, type UpdateMask } from "../update_mask.ts";
import { endSessionsOfPrincipal } from "./endings.ts";
import { isUsable, type LiveClients } from "./live_clients.ts";
import type { Principal } from "./principal.ts";
import { changePrincipal, servicePrincipal } from "./principal_changes.ts";
import { assertMayGive } from "./rights.ts";
import type { InvocationContext } from "../../engine/contract.ts";
import { anyFunction } from "../references.ts";
import { NO_ACCESS } from "./access.ts";

/** Functions that the error of a deletion names. */
const NAMED_FUNCTIONS = 10;

interface ServicePrincipalParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
}

/** Makes, reads, changes and deletes service principals. */
export class ServicePrincipals {
  constructor(private readonly parts: ServicePrincipalParts) {}

  /** Makes a principal without roles and credentials. */
  async create(displayName: string): Promise<PrincipalRow> {
    const { store, ids } = this.parts;
    const { id, time } = ids.nextWithTime();
    const row = servicePrincipalRow({ id, displayName, roles: [], createdAt: time.toISOString() });
    await store.write((tx) => tx.identity.insertPrincipal(row));
    return row;
  }

  /** @throws PRINCIPAL_NOT_FOUND */
  async get(id: string): Promise<PrincipalRow> {
    return await servicePrincipal(this.parts.store.read, id);
  }

  /** Newest first. */
  async list(query: PageQuery): Promise<ListPage<PrincipalRow>> {
    const page = this.parts.pages.open(["service principals"], query);
    const { identity } = this.parts.store.read;
    return page.of(await identity.principals({ kind: "service" }, page));
  }

  /**
   * Renames, disables or enables a principal. Sessions of a disabled principal end for good; credentials do not work until
   * the principal is enabled again.
   * @throws PRINCIPAL_NOT_FOUND, INVALID_FIELD, ROLE_MISSING, LAST_OWNER
   */
  async update(
    by: Principal,
    id: string,
    change: PrincipalSettings,
    mask: UpdateMask | undefined,
  ): Promise<PrincipalRow> {
    const fields = namedFields(mask, PRINCIPAL_FIELDS, change, "servicePrincipal");
    const isDisabled = fields.has("disabled") && change.disabled === true;
    const verb = !fields.has("disabled") ? "change" : isDisabled ? "disable" : "enable";
    return await this.#change(by, id, verb, async (tx) => {
      if (isDisabled) await endSessionsOfPrincipal(tx, id);
      return changedColumns(PRINCIPAL_SETTINGS, change, [...fields]);
    });
  }

  /** Replaces the roles of a principal. @throws as `update` */
  async setRoles(by: Principal, id: string, roleIds: readonly string[]): Promise<PrincipalRow> {
    const { store, liveClients } = this.parts;
    const roles = [...new Set(roleIds)];
    return await changePrincipal(store, liveClients, {
      by,
      kind: "service",
      id,
      verb: "change the roles of",
      roleIds: roles,
      columns: async (tx) => {
        await assertMayGive(liveClients, tx.identity, by, roles, "roleIds");
        return { roles: JSON.stringify(roles) };
      },
    });
  }

  /**
   * Deletes a principal with its credentials, trusts, sessions and roles.
   * @throws PRINCIPAL_IN_USE if functions are bound to it, and as `update`
   */
  async delete(by: Principal, id: string): Promise<void> {
    await this.#change(by, id, "delete", async (tx, deletedAt) => {
      await assertUnbound(tx, id);
      await endSessionsOfPrincipal(tx, id);
      await tx.identity.deleteCredentialsOf(id, deletedAt);
      return { roles: "[]", deletedAt };
    });
  }

  #change(
    by: Principal,
    id: string,
    verb: string,
    columns: (tx: Writers, now: string) => Promise<Partial<PrincipalRow>>,
  ): Promise<PrincipalRow> {
    const { store, liveClients } = this.parts;
    return changePrincipal(store, liveClients, { by, kind: "service", id, verb, columns });
  }
}

/** The row of a new service principal. @param spec.roles ids of roles */
export function servicePrincipalRow(
  { id, displayName, roles, createdAt }: {
    readonly id: string;
    readonly displayName: string;
    readonly roles: readonly string[];
    readonly createdAt: string;
  },
): PrincipalRow {
  return {
    id,
    kind: "service",
    displayName,
    email: "",
    username: "",
    issuer: null,
    subject: null,
    roles: JSON.stringify(roles),
    groupRoles: "[]",
    groupsConfirmedAt: null,
    disabled: 0,
    createdAt,
    updatedAt: createdAt,
    deletedAt: null,
    lastSignInAt: null,
  };
}

/** Checks that no function acts as a principal. The write holds `locks.ofPrincipal`. @throws PRINCIPAL_IN_USE */
async function assertUnbound(tx: Writers, id: string): Promise<void> {
  const page = { size: NAMED_FUNCTIONS, after: undefined };
  const { rows, next } = await tx.functions.bindings({ principalId: id }, page);
  if (rows.length === 0) return;
  const names = rows.map(({ displayName }) => displayName).join(", ");
  throw new DomainError(
    "PRINCIPAL_IN_USE",
    `Service principal ${id} is in use: functions are bound to it: ${names}${
      next === undefined ? "" : " and more"
    }; bind them to another principal or to none first`,
  );
}

/**
 * Functions as principals. The server knows a function by the invocation that it runs, never by what the function sends.
 * A function that is bound to a service principal acts as that principal. Its rights are looked up at each call, so the
 * removal of a role counts at once; a deleted function has none.
 */
export class FunctionPrincipals {
  constructor(private readonly store: Store, private readonly liveClients: LiveClients) {}

  /** @param signal aborts when the invocation ends */
  async of(invocation: InvocationContext, signal: AbortSignal): Promise<Principal> {
    const { functionId } = invocation;
    const { identity } = this.store.read;
    const fn = await anyFunction(this.store.read, functionId);
    const caller = { clientId: functionId, invocation: { ...invocation, signal } };
    const itself = {
      kind: "function",
      id: functionId,
      displayName: `Function ${fn.displayName}`,
    } as const;
    if (fn.deletedAt !== null) return { ...itself, ...caller, access: NO_ACCESS };
    const { catalog } = this.liveClients;
    const custom = (JSON.parse(fn.scopedRoleIds) as string[])
      .filter((id) => catalog.ofBuiltin(id) === undefined);
    const [bound, customRoles] = await Promise.all([
      fn.principalId === null ? undefined : identity.principal(fn.principalId),
      custom.length === 0 ? [] : identity.roles(custom),
    ]);
    const access = this.liveClients.functionAccess(fn, bound, customRoles);
    // The function of a disabled principal is left with its own rights, and acts as itself.
    if (bound === undefined || !isUsable(bound.principal)) return { ...itself, ...caller, access };
    return { ...itself, ...caller, id: bound.principal.id, access };
  }
}
