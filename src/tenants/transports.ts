/** The clients of all tenants, each with its token and connections. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { tenantTransport } from "./client.ts";
import { TenantConnections, type TenantEgress } from "./connections.ts";
import type { TenantCredentials, TenantTransport } from "./contract.ts";
import type { Exchange } from "./exchange.ts";
import { type App, exchangeWith } from "./in_process.ts";

/** Clients whose tokens are kept; a further one takes the memory of the one that was used least recently. */
const CLIENTS_MAX = 500;

interface TransportsParts {
  readonly egress: TenantEgress;
  /** Answers as the example tenant. */
  readonly example: App;
}

/** Makes one client for each credential, which the calls of all functions share. Disposing it closes their connections. */
export class TenantTransports implements Disposable {
  readonly #connections: TenantConnections;
  readonly #example: Exchange;
  readonly #clients = new LRUCache<string, TenantTransport>({ max: CLIENTS_MAX });

  constructor({ egress, example }: TransportsParts) {
    this.#connections = new TenantConnections(egress);
    this.#example = exchangeWith(example);
  }

  /** The client with these credentials. A new secret makes another client, without the token of the one before. */
  of(credentials: TenantCredentials & { readonly isExample: boolean }): TenantTransport {
    const { host, clientId, clientSecret, isExample } = credentials;
    const key = createHash("sha256")
      .update(JSON.stringify([host, clientId, clientSecret, isExample])).digest("base64");
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const exchange = isExample ? this.#example : this.#connections.to(host);
    const client = tenantTransport({ host, clientId, clientSecret }, exchange);
    this.#clients.set(key, client);
    return client;
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}
