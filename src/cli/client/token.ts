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
    const credentials = this.#credentials;
    if (credentials.kind === "token") {
      return { text: credentials.accessToken.reveal(), renewAt: Infinity };
    }
    const { access_token: text, expires_in: seconds } = await requestToken(
      this.#transport,
      credentials,
    );
    // The server accepts the token of a workload for some minutes only: a renewal before it is needed would fail.
    const renewAfterMs = seconds * (credentials.kind === "workload" ? 1000 : 500);
    return { text, renewAt: performance.now() + renewAfterMs };
  }
}

/** Credentials that are exchanged for an access token. */
type Exchanged = Exclude<Credentials, { readonly kind: "token" }>;

function formOf(credentials: Exchanged): Record<string, string> {
  const { clientId } = credentials;
  return credentials.kind === "client"
    ? {
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: credentials.clientSecret.reveal(),
    }
    : {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      client_id: clientId,
      subject_token: credentials.oidcToken.reveal(),
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    };
}

const WRONG = {
  client: "check the client id and secret: a new data directory has new ones",
  workload: "check the client id, the audience and the age of the token; " +
    "invoked trusts test names the reason, and so does the audit log",
};

async function requestToken(transport: Transport, credentials: Exchanged) {
  const response = await request(transport, "/auth/v1/token", {
    method: "POST",
    body: new URLSearchParams(formOf(credentials)),
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
        : WRONG[credentials.kind],
      exit: "server",
    },
  );
}
