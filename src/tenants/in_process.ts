import type { Exchange } from "./exchange.ts";

/** A tenant in the process of the server. */
export type App = (request: Request) => Promise<Response>;

/** Sends the requests to an app instead of a host; the rules about answers are the same. */
export function exchangeWith(app: App): Exchange {
  return {
    async send({ verb, path, headers, body }) {
      const response = await app(
        new Request(new URL(path, "https://example"), {
          method: verb,
          headers: { ...headers },
          ...body === undefined ? {} : { body },
        }),
      );
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.bytes(),
      };
    },
  };
}
