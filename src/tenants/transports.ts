/** The clients of all tenants, each with its token and connections. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { Lazy } from "../shared/lazy.ts";
import { tenantTransport } from "./client.ts";
import { TenantConnections, type TenantEgress } from "./connections.ts";
import type { TenantCredentials, TenantTransport } from "./contract.ts";
import { exchangeWith, type TenantApp } from "./in_process.ts";

/** Clients whose tokens are kept; a further one takes the memory of the one that was used least recently. */
const CLIENTS_MAX = 500;

interface TransportsParts {
  readonly egress: TenantEgress;
  /** Makes the example tenant, once. */
  readonly example: () => Promise<TenantApp>;
}

/** Makes one client for each credential, which the calls of all functions share. Disposing it closes their connections. */
export class TenantTransports implements Disposable {
  readonly #connections: TenantConnections;
  readonly #example: TenantTransport;
  readonly #clients = new LRUCache<string, TenantTransport>({ max: CLIENTS_MAX });

  constructor({ egress, example }: TransportsParts) {
    this.#connections = new TenantConnections(egress);
    const client = new Lazy(async () => {
      const app = await example();
      return tenantTransport(app.credentials, exchangeWith(app));
    });
    this.#example = {
      send: async (request, signal, options) =>
        await (await client.get()).send(request, signal, options),
    };
  }

  /** The client with these credentials. A new secret makes another client, without the token of the one before. */
  of(credentials: TenantCredentials & { readonly isExample: boolean }): TenantTransport {
    if (credentials.isExample) return this.#example;
    const { host, clientId, clientSecret } = credentials;
    const key = createHash("sha256")
      .update(JSON.stringify([host, clientId, clientSecret])).digest("base64");
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const client = tenantTransport({ host, clientId, clientSecret }, this.#connections.to(host));
    this.#clients.set(key, client);
    return client;
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}
