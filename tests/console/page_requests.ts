/** Requests of modules of the console that run without a page. */
import type { Client } from "../support/client.ts";

/**
 * Sends requests for a path to the server of a client, with its token in place of the session of a page. Disposing the
 * answer ends this.
 */
export function asPage({ url, token }: Client): Disposable {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    if (typeof input !== "string" || !input.startsWith("/")) return fetch(input, init);
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(new URL(input, url), { ...init, headers });
  };
  return { [Symbol.dispose]: () => void (globalThis.fetch = fetch) };
}
