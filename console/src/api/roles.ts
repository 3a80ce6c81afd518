/** Roles as pages show them. */
import { NAMED_ROLES } from "../../../src/resources/roles.ts";
import { call, type Role } from "./client.ts";
import { readPages } from "./queries.ts";

/** The roles that the reader may see, at most 1,000: built-in ones, then the others, newest first. Throws `ApiError`. */
export async function readRoles(signal?: AbortSignal): Promise<readonly Role[]> {
  const roles = await readPages((query) => call("GET /api/v1/iam/roles", { query, signal }));
  return roles as readonly Role[];
}

const ABOUT: ReadonlyMap<string, string> = new Map(
  NAMED_ROLES.map(({ id, about }) => [id, about.charAt(0).toUpperCase() + about.slice(1)]),
);

/** What holders of a built-in role may do, in a few words; undefined for another role. */
export function aboutRole({ id }: Pick<Role, "id">): string | undefined {
  return ABOUT.get(id);
}
