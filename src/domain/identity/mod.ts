/** Identity: principals, their roles and credentials, and their access tokens. */
import type { Writers } from "../../store/mod.ts";
import type { Ids } from "../ids.ts";
import { type ClientCredentials, mintCredentials, NEW_CREDENTIAL } from "./credentials.ts";
import { servicePrincipalRow } from "./service_principals.ts";

export { type FunctionScope } from "./access.ts";
export { AccessTokens, AUDIENCE } from "./access_tokens.ts";
export { type Binding, Bindings } from "./bindings.ts";
export { Clients } from "./clients.ts";
export { CredentialUses } from "./credential_uses.ts";
export { type ClientCredentials, clientHost } from "./credentials.ts";
export { Roles, type RoleView } from "./custom_roles.ts";
export {
  DEVICE_CODE_GRACE_MS,
  type DeviceAuthorization,
  DeviceFlow,
  type PendingDevice,
} from "./device_flow.ts";
export { DpopProofs, type Proof, PROOF_ALGORITHMS } from "./dpop.ts";
export { FederationProviders } from "./federation/providers.ts";
export { ClaimsError, parseClaims } from "./federation/claims.ts";
export { testCondition } from "./federation/conditions.ts";
export { audiencesOf, STEPS } from "./federation/subject_token.ts";
export { FederationTrusts } from "./federation/trusts.ts";
export { FunctionPrincipals } from "./service_principals.ts";
export { ClientCredentialsGrant } from "./grants/client_credentials.ts";
export { DeviceCodeGrant } from "./device_redemption.ts";
export { assertEachOnce, describable, OAuthError, required } from "./grants/grant.ts";
export { TokenTargets } from "./grants/targets.ts";
export { TokenExchangeGrant } from "./grants/token_exchange.ts";
export { type LiveClient, LiveClients } from "./live_clients.ts";
export { PrincipalCredentials } from "./principal_credentials.ts";
export {
  clientGone,
  LIST_PRINCIPALS,
  MAY_INVOKE,
  MAY_READ_VOLUME,
  MAY_USE_TENANT,
  type Principal,
  requirePermission,
  SERVER,
  shownId,
} from "./principal.ts";
export {
  BUILTIN_ROLES,
  OWNER,
  PERMISSION_GROUPS,
  PermissionCatalog,
  type PermissionGroup,
  rolesWith,
} from "./roles.ts";
export { roleIdOf } from "../../resources/roles.ts";
export { checkedFor, holderAs } from "./holders.ts";
export { ServerKeys } from "./server_keys.ts";
export {
  deleteEndedKeys,
  expiredKeys,
  type Rotation,
  type SigningKey,
  SigningKeys,
} from "./signing_keys.ts";
export { ServicePrincipals } from "./service_principals.ts";
export { type TokenAnswer, TokenEndpoint, type TokenGrant } from "./token_endpoint.ts";

/** A new principal that the caller inserts. */
interface NewServicePrincipal {
  readonly id: string;
  readonly clientId: string;
  readonly displayName: string;
  /** The secret exists here only. */
  readonly credentials: ClientCredentials;
  insert(tx: Writers): Promise<void>;
}

/** Makes a service principal with one client, which does not expire. @param spec.host of {@link clientHost} */
export async function newServicePrincipal(
  ids: Ids,
  spec: {
    readonly displayName: string;
    /** Ids of roles. */
    readonly roles: readonly string[];
    readonly host: string;
  },
): Promise<NewServicePrincipal> {
  const { credentials, record } = await mintCredentials(spec.host, "spc");
  const { displayName, roles } = spec;
  const { id, time } = ids.nextWithTime();
  const createdAt = time.toISOString();
  const times = { createdAt, updatedAt: createdAt, deletedAt: null };
  return {
    id,
    clientId: credentials.clientId,
    displayName,
    credentials,
    async insert(tx) {
      await tx.identity.insertPrincipal(servicePrincipalRow({ id, displayName, roles, createdAt }));
      await tx.identity.insertCredential({
        ...record,
        ...NEW_CREDENTIAL,
        kind: "secret",
        id,
        principalId: id,
        displayName,
        scopedRoles: "[]",
        ...times,
        expiresAt: null,
      });
    },
  };
}
