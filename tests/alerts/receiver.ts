/** A receiver of alerts on loopback. */
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";

/** Part of the path and the query: nothing that the server prints may contain it. */
export const TOKEN = "T0KEN";

/** How the receiver answers; `never` keeps the connection without an answer. */
type Answer = number | "redirect" | "endless" | "never";

export interface Post {
  readonly id: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Json;
}

export class AlertReceiver implements AsyncDisposable {
  answer: Answer = 204;
  /** What it has taken. */
  readonly posts: Post[] = [];
  /** What it has not taken. */
  readonly rejected: Post[] = [];
  /** Requests at the URL to which it redirects. */
  redirected = 0;
  readonly #stopping = new AbortController();
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: this.#stopping.signal, onListen() {} },
    (request) => this.#serve(request),
  );

  get url(): string {
    return `${this.origin}/services/${TOKEN}?key=${TOKEN}`;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The alerts of all posts that were taken, as one list. */
  get alerts(): readonly Json[] {
    return this.posts.flatMap(({ body }) => body.alerts);
  }

  /** Those with a name and a status. */
  of(name: string, status: "firing" | "resolved"): readonly Json[] {
    return this.alerts.filter((alert) =>
      alert.labels.alertname === name && alert.status === status
    );
  }

  /** Waits for the alert, `count` times in all. */
  async got(name: string, status: "firing" | "resolved", count = 1): Promise<Json> {
    return await eventually(() => {
      const found = this.of(name, status);
      return found.length >= count ? found.at(-1) : undefined;
    }, `${name}, ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A shutdown would wait for answers that never end.
    this.#stopping.abort();
    await this.#server.finished;
  }

  async #serve(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/elsewhere") {
      this.redirected++;
      return new Response(null, { status: 204 });
    }
    if (pathname + search !== `/services/${TOKEN}?key=${TOKEN}`) {
      return new Response(null, { status: 404 });
    }
    const text = await request.text();
    const { headers } = request;
    const post = { id: headers.get("webhook-id") ?? "", headers, text, body: JSON.parse(text) };
    const isTaken = this.answer === 204;
    (isTaken ? this.posts : this.rejected).push(post);
    if (typeof this.answer === "number") return new Response(null, { status: this.answer });
    if (this.answer === "redirect") {
      return new Response(null, { status: 307, headers: { location: `${this.origin}/elsewhere` } });
    }
    if (this.answer === "never") {
      await new Promise<void>((resolve) =>
        request.signal.addEventListener("abort", () => resolve())
      );
      return new Response();
    }
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      }),
    );
  }
}
