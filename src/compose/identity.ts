/** Builds identity: principals, their credentials, and the ways to an access token. */
import { isUrlOfServer } from "../config/mod.ts";
import {
  AccessTokens,
  Bindings,
  ClientCredentialsGrant,
  clientHost,
  Clients,
  CredentialUses,
  DeviceCodeGrant,
  DeviceFlow,
  DeviceRedemption,
  DpopProofs,
  FunctionPrincipals,
  PrincipalCredentials,
  Roles,
  type ServerKeys,
  ServicePrincipals,
  SigningKeys,
  TokenEndpoint,
} from "../domain/identity/mod.ts";
import { openFederation, openTargets } from "./federation.ts";
import { openPeople } from "./people.ts";
import type { Shared } from "./domain.ts";

/** The services of principals, their credentials and tokens. @throws as {@link openPeople} */
export async function openIdentity(shared: Shared, keys: ServerKeys) {
  const { config: { identity, server }, audit, liveClients, store, sealer, ids, url, pages } =
    shared;
  const signingKeys = await SigningKeys.open(store, sealer, ids);
  const uses = new CredentialUses(store);
  const accessTokens = new AccessTokens(signingKeys, store.read.identity, liveClients, uses, {
    issuer: new URL(url).origin,
    lifetimeMs: identity.tokenLifetimeMs,
  });
  const host = clientHost(url);
  const targets = openTargets(shared.config, url);
  const deviceFlow = new DeviceFlow({
    ...{ store, audit, liveClients, targets, url },
    userCodeKey: await keys.hmacKey("user-code"),
  });
  const parts = { store, pages, ids, liveClients, host };
  const federation = openFederation(shared, targets);
  const dpopProofs = new DpopProofs(store, (proved) => isUrlOfServer(server, proved));
  return {
    accessTokens,
    signingKeys,
    dpopProofs,
    ...await openPeople(shared),
    bindings: new Bindings(store, pages, liveClients),
    clients: new Clients(store, pages, ids, liveClients, host),
    deviceFlow,
    functionPrincipals: new FunctionPrincipals(store, liveClients),
    principalCredentials: new PrincipalCredentials(parts),
    roles: new Roles(store, pages, ids, liveClients),
    servicePrincipals: new ServicePrincipals(parts),
    tokenEndpoint: new TokenEndpoint(
      accessTokens,
      dpopProofs,
      [
        new ClientCredentialsGrant(store, liveClients, new URL(url).hostname),
        federation.tokenExchange,
        new DeviceCodeGrant(new DeviceRedemption({ store, ids, audit, liveClients, host })),
      ],
      audit,
      targets,
    ),
    ...federation.services,
  };
}
