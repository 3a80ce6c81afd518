import { z } from "zod";
import { Failure, oneLine } from "../terminal/failure.ts";
import { isTemporary, parseJson, tryAgain } from "./api_error.ts";
import type { Credentials } from "./credentials.ts";
import { readTokenBody, request, type Transport } from "./http.ts";

/** Lifetime of a token whose response does not state it, in seconds. */
const DEFAULT_LIFETIME_S = 60;

/** RFC 6749 section 5.1; the token itself is a `b64token` of RFC 6750 section 2.1. */
const TokenResponse = z.object({
  access_token: z.string().regex(/^[A-Za-z0-9._~+/-]+=*$/),
  expires_in: z.number().positive().catch(DEFAULT_LIFETIME_S),
});

/** RFC 6749 section 5.2. */
const TokenError = z.object({ error: z.string(), error_description: z.string().optional() });

interface Token {
  readonly text: string;
  /** On the clock of `performance.now()`. */
  readonly renewAt: number;
}

/** Provides access tokens; a new one once half of the lifetime has passed. */
export class TokenSource {
  readonly #transport: Transport;
  readonly #credentials: Credentials;
  #token: Promise<Token> | undefined;

  constructor(transport: Transport, credentials: Credentials) {
    this.#transport = transport;
    this.#credentials = credentials;
  }

  /** @throws {Failure} if the server does not accept the credentials */
  async current(): Promise<string> {
    // A failed request must not fail the next request: the server may have started again.
    const held = await this.#token?.catch(() => undefined);
    if (held !== undefined && performance.now() < held.renewAt) return held.text;
    this.#token = this.#request();
    return (await this.#token).text;
  }

  async #request(): Promise<Token> {
    if (this.#credentials.kind === "token") {
      return { text: this.#credentials.accessToken.reveal(), renewAt: Infinity };
    }
    const { clientId, clientSecret } = this.#credentials;
    const token = await requestToken(this.#transport, clientId, clientSecret.reveal());
    return {
      text: token.access_token,
      renewAt: performance.now() + token.expires_in * 500,
    };
  }
}

async function requestToken(transport: Transport, clientId: string, clientSecret: string) {
  const response = await request(transport, "/auth/v1/token", {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
    }),
  });
  const body = parseJson(await readTokenBody(transport, response));
  const granted = TokenResponse.safeParse(body);
  if (response.status === 200 && granted.success) return granted.data;
  const rejection = TokenError.safeParse(body);
  const { error, error_description: description } = rejection.data ??
    { error: `status ${response.status}` };
  const why = oneLine(description === undefined ? error : `${error}: ${description}`);
  throw new Failure(
    `Failed to get an access token from ${transport.url}: the server responded ${why}`,
    {
      next: isTemporary(response.status)
        ? tryAgain(response.headers.get("retry-after") ?? undefined)
        : "check the client id and secret: a new data directory has new ones",
      exit: "server",
    },
  );
}
