/** Roles: those that every server has, and those that owners make. */
import { ROLE_FIELDS, ROLE_SETTINGS } from "../../resources/roles.ts";
import type { Wanted } from "../../resources/field.ts";
import type { RoleRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, invalid, notFound } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { changedColumns, columnsOf } from "../resource.ts";
import { namedFields, type UpdateMask } from "../update_mask.ts";
import type { LiveClients } from "./live_clients.ts";
import { LIST_PRINCIPALS, type Principal } from "./principal.ts";
import { BUILTIN_ROLES, type BuiltinRole, builtinRole } from "./roles.ts";

/** Holders of a role that the error of a deletion names. */
const NAMED_HOLDERS = 10;

type RoleSettings = Wanted<typeof ROLE_SETTINGS>;

/** A role of either origin, with the ids of the operations that it permits. */
export type RoleView =
  | { readonly builtin: BuiltinRole; readonly permissions: readonly string[] }
  | { readonly custom: RoleRow; readonly permissions: readonly string[] };

/** Reads roles, and makes, changes and deletes custom ones. */
export class Roles {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly liveClients: LiveClients,
  ) {}

  /** The roles that the caller may see: built-in ones, then custom ones from the newest on. */
  async list(by: Principal, query: PageQuery): Promise<ListPage<RoleView>> {
    const isAll = seesAll(by);
    const own = [...by.access.namedRoleIds].sort();
    const page = this.pages.open(["roles", isAll ? "all" : own], query);
    const builtin = page.after === undefined ? BUILTIN_ROLES : [];
    const request = { size: page.size - builtin.length, after: page.after };
    const { rows, next } = await this.store.read.identity.customRoles(
      isAll ? {} : { ids: own },
      request,
    );
    return {
      list: [...builtin.map((role) => this.#builtinView(role)), ...rows.map(customView)],
      nextPageToken: page.tokenFor(next),
    };
  }

  /** @throws ROLE_NOT_FOUND, also for a role that the caller may not see */
  async get(by: Principal, id: string): Promise<RoleView> {
    const builtin = builtinRole(id);
    if (builtin !== undefined) return this.#builtinView(builtin);
    if (!seesAll(by) && !by.access.namedRoleIds.has(id)) {
      throw notFound("ROLE_NOT_FOUND", "Role", id);
    }
    return customView(await customRole(this.store.read, id));
  }

  /** @throws INVALID_FIELD, ROLE_MISSING */
  async create(by: Principal, settings: RoleSettings): Promise<RoleView> {
    const { id, time } = this.ids.nextWithTime();
    const createdAt = time.toISOString();
    const row: RoleRow = {
      ...columnsOf(ROLE_SETTINGS, this.#checked(settings)),
      id,
      createdAt,
      updatedAt: createdAt,
      deletedAt: null,
    };
    await this.store.write(async (tx) => {
      await assertFunctions(tx, settings.functionIds);
      this.#assertCovers(by, row);
      await tx.identity.insertRole(row);
    });
    return customView(row);
  }

  /** Changes the masked fields. @throws ROLE_NOT_FOUND, INVALID_FIELD, ROLE_MISSING */
  async update(
    by: Principal,
    id: string,
    change: RoleSettings,
    mask: UpdateMask | undefined,
  ): Promise<RoleView> {
    assertCustom(id, "changed");
    const fields = namedFields(mask, ROLE_FIELDS, change, "role");
    const columns = changedColumns(ROLE_SETTINGS, this.#checked(change), [...fields]);
    return await this.store.writeLocked([locks.ofRole(id)], async (tx) => {
      const before = await customRole(tx, id);
      if (fields.has("functionIds")) await assertFunctions(tx, change.functionIds);
      const row = { ...before, ...columns, updatedAt: new Date().toISOString() };
      this.#assertCovers(by, before);
      this.#assertCovers(by, row);
      tx.audit.keepEarlier("roles", before);
      await tx.identity.updateRole(id, row);
      return customView(row);
    });
  }

  /** Deletes an unused custom role. @throws ROLE_NOT_FOUND, ROLE_IN_USE, INVALID_FIELD, ROLE_MISSING */
  async delete(by: Principal, id: string): Promise<void> {
    assertCustom(id, "deleted");
    await this.store.writeLocked([locks.ofRole(id)], async (tx) => {
      this.#assertCovers(by, await customRole(tx, id));
      await assertUnused(tx, id);
      const deletedAt = new Date().toISOString();
      await tx.identity.updateRole(id, { deletedAt, updatedAt: deletedAt });
    });
  }

  #builtinView(builtin: BuiltinRole): RoleView {
    const permissions = this.liveClients.catalog.ofBuiltin(builtin.id) ?? [];
    return { builtin, permissions: [...permissions].sort() };
  }

  /** The settings with each entry of a list once. @throws INVALID_FIELD */
  #checked(settings: RoleSettings): RoleSettings {
    const { permissions, functionIds } = settings;
    const unknown = permissions?.findIndex((one) => !this.liveClients.catalog.has(one)) ?? -1;
    if (unknown >= 0) {
      throw invalid({
        field: `role.permissions[${unknown}]`,
        description: `${
          JSON.stringify(permissions?.[unknown])
        } is no permission of this server: a permission is the id of an operation (docs/permissions.md)`,
      });
    }
    return {
      ...settings,
      ...permissions === undefined ? {} : { permissions: [...new Set(permissions)].sort() },
      ...functionIds === undefined ? {} : { functionIds: [...new Set(functionIds)] },
    };
  }

  /** Nobody makes, changes or deletes what grants more than they have. @throws ROLE_MISSING */
  #assertCovers(by: Principal, row: RoleRow): void {
    if (by.access.covers(this.liveClients.grants([row.id], [row]))) return;
    throw new DomainError(
      "ROLE_MISSING",
      `${by.displayName} may not make or change role ${
        JSON.stringify(row.displayName)
      }: the role grants rights that ${by.displayName} lacks`,
    );
  }
}

/** Who may list principals sees all roles; all others see the built-in ones and their own. */
function seesAll({ access }: Principal): boolean {
  return access.may(LIST_PRINCIPALS);
}

function customView(custom: RoleRow): RoleView {
  return { custom, permissions: JSON.parse(custom.permissions) as string[] };
}

/** A custom role that is not deleted. @throws ROLE_NOT_FOUND */
async function customRole(
  { identity }: Pick<Store["read"], "identity">,
  id: string,
): Promise<RoleRow> {
  const [row] = await identity.roles([id]);
  if (row === undefined) throw notFound("ROLE_NOT_FOUND", "Role", id);
  return row;
}

/** @throws INVALID_FIELD */
function assertCustom(id: string, what: "changed" | "deleted"): void {
  const builtin = builtinRole(id);
  if (builtin === undefined) return;
  const description =
    `${builtin.name} is a built-in role and cannot be ${what}; make a role of your own`;
  throw invalid({ field: "role_id", description });
}

/** Checks that functions exist or existed. @throws INVALID_FIELD */
async function assertFunctions(tx: Writers, ids: readonly string[] = []): Promise<void> {
  if (ids.length === 0) return;
  const known = new Set((await tx.functions.displayNames(ids)).map(([id]) => id));
  const unknown = ids.findIndex((id) => !known.has(id));
  if (unknown < 0) return;
  const description = `${JSON.stringify(ids[unknown])} is not the id of a function`;
  throw invalid({ field: `role.functionIds[${unknown}]`, description });
}

/** @throws ROLE_IN_USE */
async function assertUnused({ identity, functions }: Writers, id: string): Promise<void> {
  const limit = NAMED_HOLDERS + 1;
  const principals = await identity.principalsWithRole(id);
  const holders = [
    ...principals.map(({ displayName }) => `principal ${displayName}`),
    ...(await identity.credentialsWithRole(id, limit)).map((name) => `credential ${name}`),
    ...(await functions.namesWithRole(id, limit)).map((name) => `function ${name}`),
  ];
  if (holders.length === 0) return;
  const named = holders.slice(0, NAMED_HOLDERS).join(", ");
  throw new DomainError(
    "ROLE_IN_USE",
    `Role ${id} is in use by ${named}${
      holders.length > NAMED_HOLDERS ? " and more" : ""
    }; take the role from them first`,
  );
}
