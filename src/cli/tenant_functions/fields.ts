/** The settings of a function that C1 has, in `invoked.json` and at a tenant. */
import { isDeepStrictEqual } from "node:util";
import { type Field, unsetOf } from "../../resources/field.ts";
import { FUNCTION_SETTINGS, type Setting } from "../../resources/functions.ts";
import { roleIdOf, roleName } from "../../resources/roles.ts";
import type { Api } from "../client/api.ts";
import { isId } from "../client/candidates.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import type { Manifest } from "../folder/manifest.ts";
import { Failure, oneLine } from "../terminal/failure.ts";

/** Roles of a tenant that are searched for a name. */
const ROLES_MAX = 1000;

/** A setting that both C1 and `invoked.json` have. */
interface SharedField {
  readonly name: Setting;
  /** Its name in `invoked.json`. */
  readonly inFile: keyof Manifest;
}

const SHARED: readonly SharedField[] = Object.entries<Field>(FUNCTION_SETTINGS)
  .filter(([, { isOfC1, file }]) => isOfC1 && file !== null)
  .map(([name, { file }]) => ({
    name: name as Setting,
    inFile: (file ?? name) as keyof Manifest,
  }));

/** Fields of `invoked.json` that are for this machine, and not settings of the function. */
const OF_FOLDER: ReadonlySet<string> = new Set(["$schema", "id", "root"]);

/** A setting that a deploy changes. */
export interface SettingDifference {
  readonly name: Setting;
  /** Its name in `invoked.json`. */
  readonly inFile: string;
  /** The value at the tenant; what unsets it for a new function. */
  readonly now: unknown;
  readonly wanted: unknown;
}

/**
 * The settings of `invoked.json` that differ at a tenant; absent settings do not change.
 * @param roles the ids of the manifest's roles at the tenant
 * @param fn undefined for a new function
 */
export function settingDifferences(
  manifest: Manifest,
  roles: readonly string[] | undefined,
  fn: RemoteFunction | undefined,
): SettingDifference[] {
  return SHARED.flatMap(({ name, inFile }) => {
    const wanted = name === "scopedRoleIds" ? roles : manifest[inFile];
    const now = fn === undefined ? unsetOf(FUNCTION_SETTINGS[name]) : fn[name];
    // A new function is created with its name.
    const isSame = wanted === undefined || isDeepStrictEqual(wanted, now) ||
      (fn === undefined && name === "displayName");
    return isSame ? [] : [{ name, inFile, now, wanted }];
  });
}

/** The fields of `invoked.json` that C1 does not have. */
export function leftOutFields(manifest: Manifest): string[] {
  const shared: ReadonlySet<string> = new Set(SHARED.map(({ inFile }) => inFile));
  return Object.keys(manifest).filter((field) => !shared.has(field) && !OF_FOLDER.has(field));
}

/**
 * The settings of a tenant's function as `invoked.json` has them: the set ones, and those that replace a setting of the
 * file.
 * @param own the file of the folder, whose names of roles are kept if they mean the same roles
 */
export async function settingsInFile(
  api: Api,
  fn: RemoteFunction,
  own: Manifest | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const settings = await Promise.all(SHARED.map(async ({ name, inFile }) => {
    const value = name === "scopedRoleIds"
      ? await roleNames(api, fn.scopedRoleIds, own?.roles)
      : fn[name];
    const isUnset = isDeepStrictEqual(value, unsetOf(FUNCTION_SETTINGS[name]));
    return isUnset && own?.[inFile] === undefined ? [] : [[inFile, value] as const];
  }));
  return Object.fromEntries(settings.flat());
}

/**
 * The ids of roles at a tenant, which takes no names.
 * @throws {Failure} for a name that the tenant does not have, or has several times
 */
export async function roleIdsAt(
  api: Api,
  roles: readonly string[] | undefined,
): Promise<string[] | undefined> {
  if (roles === undefined || roles.length === 0) return roles && [];
  // The ids of built-in roles are those of this project, so their names count.
  const names = roles.map((role) => roleName(roleIdOf(role)));
  if (names.every(isId)) return names;
  const known = await api.roles.list(ROLES_MAX);
  return names.map((role) => {
    if (isId(role)) return role;
    const found = known.filter(({ name, displayName }) => [name, displayName].includes(role));
    const [first] = found;
    if (first !== undefined && found.length === 1) return first.id;
    throw new Failure(
      `Invalid roles of invoked.json: ${api.url} has ${
        first === undefined ? "no role" : "several roles"
      } with the name ${JSON.stringify(oneLine(role))}; nothing was deployed`,
      { next: "name a role of the tenant by its name or id" },
    );
  });
}

/** The names of roles where the caller may list the roles, otherwise their ids. @param own what the folder has */
async function roleNames(
  api: Api,
  ids: readonly string[],
  own: readonly string[] | undefined,
): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const orNone = (error: unknown) => {
    if (error instanceof Failure) return undefined;
    throw error;
  };
  if (own !== undefined && isDeepStrictEqual(await roleIdsAt(api, own).catch(orNone), ids)) {
    return own;
  }
  const known = await api.roles.list(ROLES_MAX).catch(orNone);
  return ids.map((id) => known?.find((role) => role.id === id)?.name || id);
}
