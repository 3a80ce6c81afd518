/** Builds workload federation. */
import { type Config, isUrlOfServer } from "../config/mod.ts";
import {
  AUDIENCE,
  audiencesOf,
  clientHost,
  FederationProviders,
  FederationTrusts,
  type LiveClients,
  TokenExchangeGrant,
  TokenTargets,
} from "../domain/identity/mod.ts";
import type { Ids } from "../domain/ids.ts";
import type { KeySets } from "../domain/key_sets.ts";
import type { Pages } from "../domain/paging.ts";
import { ownHosts } from "../domain/triggers/addresses.ts";
import type { Store } from "../store/mod.ts";

interface FederationParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
  readonly keySets: KeySets;
  readonly targets: TokenTargets;
  /** Base URL of the server. */
  readonly url: string;
}

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
  { store, pages, ids, liveClients, keySets, targets, url }: FederationParts,
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
