/** What the tests of TLS share. */
import { join } from "node:path";
import type { TestServer } from "../support/server.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests read answers of many shapes
  readonly body: any;
}

/** An https client that trusts this CA and nothing else. */
export interface TlsClient extends Disposable {
  send(method: string, path: string, init?: RequestInit): Promise<Reply>;
}

export function tlsClient(url: string, caCerts: string[]): TlsClient {
  const client = Deno.createHttpClient({ caCerts });
  return {
    async send(method, path, init = {}) {
      const response = await fetch(new URL(path, url), { ...init, method, client });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: JSON.parse(text || "null"),
      };
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** The local CA of a server. */
export function caOf(server: TestServer): Promise<string> {
  return Deno.readTextFile(join(server.dataDir, "tls", "ca.pem"));
}
