import type { TenantCredentials } from "./contract.ts";
import type { Exchange } from "./exchange.ts";

/** A tenant in the process of the server, with the client that it knows. */
export interface TenantApp {
  readonly answer: (request: Request) => Promise<Response>;
  readonly credentials: TenantCredentials;
}

/** Sends the requests to an app instead of a host; the rules about answers are the same. */
export function exchangeWith({ answer, credentials: { host } }: TenantApp): Exchange {
  return {
    async send({ verb, path, headers, body }) {
      const response = await answer(
        new Request(new URL(path, `https://${host}`), {
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
