import { CERT, KEY } from "../egress/certificates.ts";
import type { Json } from "../support/client.ts";

/** A host with key sets: one is right, one too large, one a redirect. */
export class KeyHost implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  keys: Json[] = [];
  reads = 0;

  constructor() {
    const tls = { port: 0, hostname: "127.0.0.1", cert: CERT, key: KEY, onListen() {} };
    this.#server = Deno.serve(tls, ({ url }) => {
      this.reads++;
      if (url.endsWith("/large")) return new Response("x".repeat(100_000));
      if (url.endsWith("/moved")) return Response.redirect(url.replace("/moved", "/keys"));
      return Response.json({ keys: this.keys });
    });
  }

  url(path: string): string {
    return `https://localhost:${this.#server.addr.port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
