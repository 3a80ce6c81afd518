import { HttpHost } from "../support/http_host.ts";

/** Counts the runs of code beside the server: each run reports its invocation and a number that no other run has. */
export class Witness extends HttpHost {
  readonly #runs = new Map<string, Set<string>>();

  /** By a name, which the server resolves. */
  override get host(): string {
    return `localhost:${this.port}`;
  }

  protected override answer(request: Request): Response {
    const [, key = "", run = ""] = new URL(request.url).pathname.split("/");
    const seen = this.#runs.get(key) ?? new Set();
    this.#runs.set(key, seen.add(run));
    return new Response("seen");
  }

  /** How often the code of each invocation ran. */
  get runs(): Map<string, number> {
    return new Map(Array.from(this.#runs, ([key, seen]) => [key, seen.size]));
  }
}
