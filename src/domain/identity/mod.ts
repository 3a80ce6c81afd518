/** Identity: principals, their credentials and their access tokens. */
import type { Writers } from "../../store/mod.ts";
import type { Ids } from "../ids.ts";
import { type ClientCredentials, mintCredentials } from "./credentials.ts";
import type { Principal, Role } from "./principal.ts";

export { Clients } from "./clients.ts";
export { type ClientCredentials, clientHost } from "./credentials.ts";
export { FunctionPrincipals } from "./function_principals.ts";
export {
  AccessTokens,
  isAdministrator,
  isRole,
  type LiveClient,
  type Permission,
  type Principal,
  requirePermission,
  ROLES,
  rolesWith,
} from "./principal.ts";
export { ServerKeys } from "./server_keys.ts";
export { OAuthError, type TokenAnswer, TokenEndpoint } from "./token_endpoint.ts";

/** A new principal that the caller inserts. */
interface NewServicePrincipal {
  readonly principal: Principal;
  /** The secret exists here only. */
  readonly credentials: ClientCredentials;
  insert(tx: Writers): Promise<void>;
}

/** Makes a service principal with one client. @param spec.host of {@link clientHost} */
export async function newServicePrincipal(
  ids: Ids,
  spec: { readonly displayName: string; readonly roles: readonly Role[]; readonly host: string },
): Promise<NewServicePrincipal> {
  const { credentials, record } = await mintCredentials(spec.host, "spc");
  const { displayName, roles } = spec;
  const createdAt = new Date().toISOString();
  const id = ids.next();
  return {
    principal: { id, displayName, roles, clientId: credentials.clientId },
    credentials,
    async insert(tx) {
      await tx.identity.insertPrincipal({
        id,
        displayName,
        roles: JSON.stringify(roles),
        createdAt,
      });
      await tx.identity.insertCredential({
        ...record,
        id,
        principalId: id,
        displayName,
        scopedRoles: "[]",
        disabled: 0,
        createdAt,
        updatedAt: createdAt,
        expiresAt: null,
        deletedAt: null,
      });
    },
  };
}
