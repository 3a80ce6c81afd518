/** The scope of a token: names or ids of roles, which cut its rights. */
import type { IdentityReader } from "../../../store/identity.ts";
import type { LiveClients } from "../live_clients.ts";
import { roleIdOf } from "../../../resources/roles.ts";
import { OAuthError } from "./grant.ts";

/** Scopes of OpenID Connect that clients ask for by habit; they name no role, and cut nothing. */
const IGNORED: ReadonlySet<string> = new Set([
  "openid",
  "profile",
  "email",
  "groups",
  "offline_access",
]);

/**
 * The ids of the roles that a scope names; undefined for a scope that names none.
 * @param scope names or ids, separated by spaces (RFC 6749, section 3.3)
 * @throws OAuthError for an unknown role
 */
export async function rolesOfScope(
  scope: string,
  liveClients: LiveClients,
  identity: Pick<IdentityReader, "roles">,
): Promise<readonly string[] | undefined> {
  const names = scope.split(" ").filter((name) => name !== "" && !IGNORED.has(name));
  if (names.length === 0) return undefined;
  const ids = [...new Set(names.map(roleIdOf))];
  const known = new Set((await liveClients.grantsOf(identity, ids)).map(({ roleId }) => roleId));
  const unknown = names.find((name) => !known.has(roleIdOf(name)));
  if (unknown === undefined) return ids;
  throw new OAuthError("invalid_scope", `${unknown} is no role of this server`);
}
