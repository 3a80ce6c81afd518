/** Builds workload federation. */
import {
  audiencesOf,
  clientHost,
  FederationProviders,
  FederationTrusts,
  type LiveClients,
  TokenExchangeGrant,
} from "../domain/identity/mod.ts";
import type { Ids } from "../domain/ids.ts";
import type { KeySets } from "../domain/key_sets.ts";
import type { Pages } from "../domain/paging.ts";
import type { Store } from "../store/mod.ts";

interface FederationParts {
  readonly store: Store;
  readonly pages: Pages;
  readonly ids: Ids;
  readonly liveClients: LiveClients;
  readonly keySets: KeySets;
  /** Base URL of the server. */
  readonly url: string;
}

/** The services of workload federation, and its way to an access token. */
export function openFederation({ store, pages, ids, liveClients, keySets, url }: FederationParts) {
  const audiences = audiencesOf(url);
  const host = clientHost(url);
  return {
    tokenExchange: new TokenExchangeGrant({ store, liveClients, keySets, audiences }),
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
