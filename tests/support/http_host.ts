/** Hosts of HTTP on loopback, which the functions and servers of a test reach. */

interface ListenOptions {
  /** A free one where absent. */
  readonly port?: number;
  readonly hostname?: string;
  /** Its certificate and key; without them it has no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A host that answers as its class says, until it is disposed. */
export abstract class HttpHost implements AsyncDisposable {
  readonly #closing = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor({ port = 0, hostname = "127.0.0.1", tls }: ListenOptions = {}) {
    const { signal } = this.#closing;
    this.#server = Deno.serve(
      { port, hostname, onListen() {}, signal, ...tls },
      (request) => this.answer(request),
    );
  }

  protected abstract answer(request: Request): Response | Promise<Response>;

  get port(): number {
    return this.#server.addr.port;
  }

  /** Name and port, for the allowlist of a function. */
  get host(): string {
    return `${this.#server.addr.hostname}:${this.port}`;
  }

  /** Without TLS. */
  get url(): string {
    return `http://${this.host}`;
  }

  /** Cuts all connections: a shutdown would wait for a client that does not read its response. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#server.finished;
  }
}
