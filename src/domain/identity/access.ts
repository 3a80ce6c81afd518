/** What a caller may do: the rights of its principal, cut by those of its credential and of its access token. */

/** The functions that a permission counts for. */
export type FunctionScope = "all" | ReadonlySet<string>;

/** What one role grants. */
export interface Grant {
  /** Id of the role; empty for rights without one, such as those that every function has. */
  readonly roleId: string;
  /** Ids of operations. */
  readonly permissions: ReadonlySet<string>;
  /** The functions that the role is narrowed to. */
  readonly functions: FunctionScope;
}

const NOTHING: FunctionScope = new Set();

/**
 * The rights of a caller, in layers: of its principal, its credential and its token. A layer allows what one of its roles
 * grants, and the caller may do what every layer allows. Permissions of the group `self` are never narrowed to functions.
 */
export class Access {
  readonly #scopes = new Map<string, FunctionScope>();

  constructor(
    private readonly layers: readonly (readonly Grant[])[],
    private readonly self: ReadonlySet<string>,
  ) {}

  /** The same rights, cut by another layer. */
  cutBy(layer: readonly Grant[]): Access {
    return new Access([...this.layers, layer], this.self);
  }

  /** The same rights, with the limits of another caller of the same principal as well. */
  cutAs(other: Access): Access {
    return new Access([...this.layers, ...other.layers.slice(1)], this.self);
  }

  /** Whether a credential or a token cuts the rights, even if today it leaves all rights of the principal. */
  get isCut(): boolean {
    return this.layers.length > 1;
  }

  /** The functions for which the caller has a permission; none without the permission. */
  functions(permission: string): FunctionScope {
    const known = this.#scopes.get(permission);
    if (known !== undefined) return known;
    const scope = this.layers.length === 0
      ? NOTHING
      : this.layers.map((layer) => this.#within(layer, permission)).reduce(intersection);
    this.#scopes.set(permission, scope);
    return scope;
  }

  /**
   * Whether the caller has a permission.
   * @param functionId the function that the call concerns; undefined for a call that concerns no single function
   */
  may(permission: string, functionId?: string): boolean {
    const scope = this.functions(permission);
    return scope === "all" || (functionId !== undefined && scope.has(functionId));
  }

  /** Whether the caller has the permission for any function. */
  mayAny(permission: string): boolean {
    const scope = this.functions(permission);
    return scope === "all" || scope.size > 0;
  }

  /** Whether the caller may do everything that the grants allow. */
  covers(grants: readonly Grant[]): boolean {
    return grants.every(({ permissions, functions }) =>
      [...permissions].every((permission) => {
        const own = this.functions(permission);
        if (own === "all") return true;
        return functions !== "all" && !this.self.has(permission) && functions.isSubsetOf(own);
      })
    );
  }

  /** Whether the caller may do everything that another caller may do. */
  includes(other: Access): boolean {
    return other.permissions.every((permission) => {
      const [own, theirs] = [this.functions(permission), other.functions(permission)];
      return own === "all" || (theirs !== "all" && theirs.isSubsetOf(own));
    });
  }

  /** The ids of the roles that count in full: every layer allows what they grant. */
  get roleIds(): readonly string[] {
    const grants = this.layers.flat().filter((grant) =>
      grant.roleId !== "" && this.covers([grant])
    );
    return [...new Set(grants.map(({ roleId }) => roleId))];
  }

  /** The ids of all roles of all layers. */
  get namedRoleIds(): ReadonlySet<string> {
    return new Set(this.layers.flat().map(({ roleId }) => roleId));
  }

  /** The permissions that the caller has for at least one function, in the order of their names. */
  get permissions(): readonly string[] {
    const granted = (this.layers[0] ?? []).flatMap(({ permissions }) => [...permissions]);
    return [...new Set(granted)].filter((one) => this.mayAny(one)).sort();
  }

  #within(layer: readonly Grant[], permission: string): FunctionScope {
    const scopes = layer.filter(({ permissions }) => permissions.has(permission))
      .map(({ functions }) => functions);
    if (scopes.length === 0) return NOTHING;
    if (scopes.includes("all") || this.self.has(permission)) return "all";
    return (scopes as ReadonlySet<string>[]).reduce((all, one) => all.union(one));
  }
}

function intersection(a: FunctionScope, b: FunctionScope): FunctionScope {
  if (a === "all") return b;
  return b === "all" ? a : a.intersection(b);
}

/** No rights. */
export const NO_ACCESS = new Access([], new Set());
