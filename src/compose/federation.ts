/** Builds workload federation. */
import { type Config, isUrlOfServer } from "../config/mod.ts";
import {
  AUDIENCE,
  audiencesOf,
  clientHost,
  FederationProviders,
  FederationTrusts,
  TokenExchangeGrant,
  TokenTargets,
} from "../domain/identity/mod.ts";
import { ownHosts } from "../domain/triggers/addresses.ts";
import type { Shared } from "./domain.ts";

/** What tokens may be asked for: the server, and its endpoints on hosts of their own. */
export function openTargets({ server, endpoints: { domain, hosts } }: Config, url: string) {
  const isEndpoint = ownHosts(domain, hosts ?? []);
  return new TokenTargets(
    (named) => isUrlOfServer(server, named) || isEndpoint(named.hostname) !== undefined,
    [...audiencesOf(url), AUDIENCE],
  );
}

/** The services of workload federation, and its way to an access token. */
export function openFederation(
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
