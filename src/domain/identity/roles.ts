/** The groups of operations, the built-in roles, and the catalog of all permissions. */
import {
  FUNCTIONS_DEVELOPER,
  FUNCTIONS_INVOKER,
  LOG_VIEWER,
  METRICS_READER,
  NAMED_ROLES,
  type NamedRole,
  OWNER,
  USER,
  VIEWER,
} from "../../resources/roles.ts";

export { OWNER };

/**
 * The groups of operations that a built-in role grants as a whole. `self` is what every caller with a role may do: see
 * itself, and manage its own sessions and clients.
 */
export const PERMISSION_GROUPS = [
  "self",
  "functions:read",
  "functions:invoke",
  "functions:write",
  "volumes:read",
  "volumes:write",
  "server:read",
  "metrics:read",
  "server:write",
  "tenants:read",
  "tenants:write",
  "identity:read",
  "identity:write",
  "log:read",
  "log:write",
] as const;
export type PermissionGroup = typeof PERMISSION_GROUPS[number];

/** A role that every server has. */
export interface BuiltinRole extends NamedRole {
  readonly groups: readonly PermissionGroup[];
}

const INVOKER: readonly PermissionGroup[] = [
  "self",
  "functions:read",
  "functions:invoke",
  "volumes:read",
  "server:read",
];

/** What the roles grant, by their ids. */
const GROUPS: Readonly<Record<string, readonly PermissionGroup[]>> = {
  [USER.id]: ["self"],
  [LOG_VIEWER.id]: ["self", "log:read"],
  [METRICS_READER.id]: ["self", "metrics:read"],
  [VIEWER.id]: PERMISSION_GROUPS.filter((group) => group === "self" || group.endsWith(":read")),
  [FUNCTIONS_INVOKER.id]: INVOKER,
  [FUNCTIONS_DEVELOPER.id]: [...INVOKER, "functions:write", "volumes:write"],
  [OWNER.id]: PERMISSION_GROUPS,
};

/** The built-in roles, from the least to the most. */
export const BUILTIN_ROLES: readonly BuiltinRole[] = NAMED_ROLES.map((role) => ({
  ...role,
  groups: GROUPS[role.id] ?? [],
}));

const BUILTIN_BY_ID: ReadonlyMap<string, BuiltinRole> = new Map(
  BUILTIN_ROLES.map((role) => [role.id, role]),
);

/** The built-in role with an id; undefined for other ids. */
export function builtinRole(id: string): BuiltinRole | undefined {
  return BUILTIN_BY_ID.get(id);
}

/** The built-in roles that grant a group. */
export function rolesWith(group: PermissionGroup): readonly BuiltinRole[] {
  return BUILTIN_ROLES.filter(({ groups }) => groups.includes(group));
}

/** Every permission: the id of its operation, with the group of the operation. */
export class PermissionCatalog {
  readonly #groups: ReadonlyMap<string, PermissionGroup>;
  readonly #builtin: ReadonlyMap<string, ReadonlySet<string>>;
  /** The permissions that any role grants. */
  readonly self: ReadonlySet<string>;
  /** What every function may do with itself. */
  readonly ofFunction: ReadonlySet<string>;

  /** @param ofDevice what the token of an approved device may be used for, at most */
  constructor(
    operations: Iterable<readonly [operationId: string, group: PermissionGroup]>,
    readonly ofDevice: ReadonlySet<string>,
  ) {
    this.#groups = new Map(operations);
    this.self = this.#within(["self"]);
    this.ofFunction = this.#within(["self", "functions:read"]);
    this.#builtin = new Map(
      BUILTIN_ROLES.map(({ id, groups }) => [id, this.#within(groups)]),
    );
  }

  /** Whether there is a permission with this id. */
  has(permission: string): boolean {
    return this.#groups.has(permission);
  }

  /** The group of a permission; undefined for an unknown one. */
  groupOf(permission: string): PermissionGroup | undefined {
    return this.#groups.get(permission);
  }

  /** The permissions of a built-in role; undefined for other ids. */
  ofBuiltin(roleId: string): ReadonlySet<string> | undefined {
    return this.#builtin.get(roleId);
  }

  #within(groups: readonly PermissionGroup[]): ReadonlySet<string> {
    return new Set(
      [...this.#groups].filter(([, group]) => groups.includes(group)).map(([id]) => id),
    );
  }
}
