/** A barrier stops a running function until the test opens it: the function sends a request and waits for the reply. */

import { LOOPBACK } from "../support/loopback.ts";

/** Flags of a server whose functions can reach a barrier. */
export const BARRIER_FLAGS = LOOPBACK;

/** A host on loopback that replies to each path once the test opens it. */
export class Barrier {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #arrived = new Map<string, PromiseWithResolvers<void>>();
  readonly #opened = new Map<string, PromiseWithResolvers<void>>();
  #last = 0;

  constructor() {
    const listen = { port: 0, hostname: "127.0.0.1", onListen() {} };
    this.#server = Deno.serve(listen, async (request) => {
      const { pathname } = new URL(request.url);
      deferred(this.#arrived, pathname).resolve();
      await deferred(this.#opened, pathname).promise;
      return new Response("open");
    });
    // A test that fails ends with its barrier closed.
    this.#server.unref();
  }

  /** For the allowlist of a function. */
  get host(): string {
    return `localhost:${this.#server.addr.port}`;
  }

  /** A URL without a request so far. */
  next(): string {
    return `http://${this.host}/${++this.#last}`;
  }

  /** Resolves when a function waits at the URL. */
  async arrived(url: string): Promise<void> {
    await deferred(this.#arrived, new URL(url).pathname).promise;
  }

  open(url: string): void {
    deferred(this.#opened, new URL(url).pathname).resolve();
  }
}

function deferred(
  deferreds: Map<string, PromiseWithResolvers<void>>,
  path: string,
): PromiseWithResolvers<void> {
  const found = deferreds.get(path) ?? Promise.withResolvers<void>();
  deferreds.set(path, found);
  return found;
}
