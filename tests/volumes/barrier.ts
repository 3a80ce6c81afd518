/** Lets a test decide how far a running function goes: the function asks the gate, and waits until it opens. */

/** Flags of a server whose functions can reach a gate. */
export const BARRIER_FLAGS = [
  "--egress-allow-private",
  "127.0.0.0/8",
  "--egress-allow-private=::1",
];

/** A host on loopback that answers each path when the test says so. */
export class Barrier implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #arrived = new Map<string, PromiseWithResolvers<void>>();
  readonly #opened = new Map<string, PromiseWithResolvers<void>>();
  #last = 0;

  constructor() {
    const listen = { port: 0, hostname: "127.0.0.1", onListen() {} };
    this.#server = Deno.serve(listen, async (request) => {
      const { pathname } = new URL(request.url);
      turn(this.#arrived, pathname).resolve();
      await turn(this.#opened, pathname).promise;
      return new Response("open");
    });
  }

  /** For the allowlist of a function. */
  get host(): string {
    return `localhost:${this.#server.addr.port}`;
  }

  /** A URL that nobody asked for yet. */
  next(): string {
    return `http://${this.host}/${++this.#last}`;
  }

  /** Resolves when a function waits at the URL. */
  async arrived(url: string): Promise<void> {
    await turn(this.#arrived, new URL(url).pathname).promise;
  }

  open(url: string): void {
    turn(this.#opened, new URL(url).pathname).resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.values()) opened.resolve();
    await this.#server.shutdown();
  }
}

function turn(
  turns: Map<string, PromiseWithResolvers<void>>,
  path: string,
): PromiseWithResolvers<void> {
  const found = turns.get(path) ?? Promise.withResolvers<void>();
  turns.set(path, found);
  return found;
}
