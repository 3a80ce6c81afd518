import { z } from "zod";
import { roleIdOf, roleName } from "../../resources/roles.ts";
import { unlessUnknown } from "./api_error.ts";
import { flag, listOf, optionalText, text } from "./fields.ts";
import { isId, oneAmong, oneNamed } from "./candidates.ts";
import { oneLine } from "../terminal/failure.ts";
import { SessionClient } from "./session.ts";

const ROLES = "/api/v1/iam/roles";
const ROLE = `${ROLES}/{role_id}` as const;
/** Roles that are searched for a name. */
const MAX_CANDIDATES = 1000;

const Role = z.object({
  id: z.string(),
  name: text,
  displayName: text,
  permissions: listOf(z.string()),
  functionIds: listOf(z.string()),
  systemBuiltin: flag,
  createdAt: optionalText,
  updatedAt: optionalText,
});
export type Role = z.output<typeof Role>;

const RoleResponse = z.object({ role: Role });

/** The fields of a role that a request sets. */
export interface RoleChange {
  readonly displayName?: string;
  readonly permissions?: readonly string[];
  readonly functionIds?: readonly string[];
}

/** A client of the roles of a server: one method for each operation. */
export class RoleApi extends SessionClient {
  /** Built-in roles, then the others, newest first. */
  async list(limit: number): Promise<Role[]> {
    return await this.session.list("Failed to list roles", `GET ${ROLES}`, Role, limit, {});
  }

  /** The role of a name, an id, or the start of an id. @throws {Failure} */
  async find(nameOrId: string): Promise<Role> {
    const id = roleIdOf(nameOrId);
    if (isId(id)) {
      const found = await this.#byId(id);
      if (found !== undefined) return found;
    }
    const roles = await this.list(MAX_CANDIDATES);
    const kind = { noun: "Role", plural: "roles", list: "invoked roles list" };
    return oneAmong({ ...kind, url: this.session.url }, nameOrId, roles);
  }

  /** The role of a name; undefined for an unknown one. @throws {Failure} for a name of several */
  async named(name: string): Promise<Role | undefined> {
    return oneNamed("roles", name, await this.list(MAX_CANDIDATES));
  }

  /** The ids of roles that a command names. Names of built-in roles, and ids, need no request. */
  async idsOf(names: readonly string[]): Promise<string[]> {
    return await Promise.all(names.map(async (name) => {
      const id = roleIdOf(name);
      return isId(id) ? id : (await this.find(name)).id;
    }));
  }

  /** What to show for ids of roles: their names, as far as the caller sees these roles. */
  async namesOf(ids: readonly string[]): Promise<string[]> {
    return await Promise.all(ids.map(async (id) => {
      const name = roleName(id);
      if (name !== id || !isId(id)) return name;
      return (await this.#byId(id).catch(() => undefined))?.displayName || id;
    }));
  }

  /** The same in one text. @param none the text without ids */
  async describe(ids: readonly string[], none: string): Promise<string> {
    return (await this.namesOf(ids)).join(", ") || none;
  }

  async #byId(role_id: string): Promise<Role | undefined> {
    const what = `Failed to read role ${role_id}`;
    const answer = this.session.call(what, `GET ${ROLE}`, RoleResponse, { path: { role_id } });
    return (await unlessUnknown(answer))?.role;
  }

  /** An addition to C1's API. */
  async create(role: RoleChange & { readonly displayName: string }): Promise<Role> {
    const what = `Failed to create role ${JSON.stringify(oneLine(role.displayName))}`;
    const sent = { body: { role: sentRole(role) as { displayName: string } } };
    return (await this.session.call(what, `POST ${ROLES}`, RoleResponse, sent)).role;
  }

  async update({ id, displayName }: Role, change: RoleChange): Promise<Role> {
    const what = `Failed to change role ${oneLine(displayName)}`;
    const body = { role: sentRole(change), updateMask: Object.keys(change).join(",") };
    const sent = { path: { role_id: id }, body };
    return (await this.session.call(what, `POST ${ROLE}`, RoleResponse, sent)).role;
  }

  /** An addition to C1's API. */
  async delete({ id, displayName }: Role): Promise<void> {
    const what = `Failed to delete role ${oneLine(displayName)}`;
    const sent = { path: { role_id: id }, body: {} };
    await this.session.call(what, `DELETE ${ROLE}`, z.unknown(), sent);
  }
}

function sentRole({ permissions, functionIds, ...role }: RoleChange) {
  return {
    ...role,
    ...permissions === undefined ? {} : { permissions: [...permissions] },
    ...functionIds === undefined ? {} : { functionIds: [...functionIds] },
  };
}
