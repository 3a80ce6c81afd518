/** Builds identity: principals, their credentials, and the ways to an access token. */
import { type Config, isUrlOfServer } from "../config/mod.ts";
import {
  AccessTokens,
  AUDIENCE,
  audiencesOf,
  Bindings,
  ClientCredentialsGrant,
  clientHost,
  Clients,
  CredentialUses,
  DeviceCodeGrant,
  DeviceFlow,
  DpopProofs,
  FederationProviders,
  FederationTrusts,
  FunctionPrincipals,
  PrincipalCredentials,
  Roles,
  type ServerKeys,
  ServicePrincipals,
  SigningKeys,
  TokenEndpoint,
  TokenExchangeGrant,
  TokenTargets,
} from "../domain/identity/mod.ts";
import { openPeople } from "./people.ts";
import type { Shared } from "./parts.ts";
import { ownHosts } from "../domain/triggers/addresses.ts";

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
        new DeviceCodeGrant({ store, ids, audit, liveClients, host }),
      ],
      audit,
      targets,
    ),
    ...federation.services,
  };
}

/** What tokens may be asked for: the server, and its endpoints on hosts of their own. */
function openTargets({ server, endpoints: { domain, hosts } }: Config, url: string) {
  const isEndpoint = ownHosts(domain, hosts ?? []);
  return new TokenTargets(
    (named) => isUrlOfServer(server, named) || isEndpoint(named.hostname) !== undefined,
    [...audiencesOf(url), AUDIENCE],
  );
}

/** The services of workload federation, and its way to an access token. */
function openFederation(
  { store, pages, ids, liveClients, keySets, url }: Shared,
  targets: TokenTargets,
) {
  const audiences = audiencesOf(url);
  const host = clientHost(url);
  return {
    tokenExchange: new TokenExchangeGrant({ store, liveClients, keySets, audiences, targets }),
    services: {
      federationProviders: new FederationProviders(store, pages, ids, liveClients),
      federationTrusts: new FederationTrusts({
        store,
        pages,
        ids,
        liveClients,
        keySets,
        host,
        audiences,
      }),
    },
  };
}
