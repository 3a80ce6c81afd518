/** Counts the runs of code beside the server: each run reports its invocation and a number that no other run has. */
export class Witness implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #runs = new Map<string, Set<string>>();

  constructor() {
    const listen = { port: 0, hostname: "127.0.0.1", onListen() {} };
    this.#server = Deno.serve(listen, (request) => {
      const [, key = "", run = ""] = new URL(request.url).pathname.split("/");
      const seen = this.#runs.get(key) ?? new Set();
      this.#runs.set(key, seen.add(run));
      return new Response("seen");
    });
  }

  /** For the allowlist of a function. */
  get host(): string {
    return `localhost:${this.#server.addr.port}`;
  }

  /** How often the code of each invocation ran. */
  get runs(): Map<string, number> {
    return new Map(Array.from(this.#runs, ([key, seen]) => [key, seen.size]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
