import { z } from "zod";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { isTemporary, parseJson, tryAgain } from "./api_error.ts";
import type { Credentials } from "./credentials.ts";
import type { ProofKey } from "../../shared/proof_key.ts";
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
  /** The key that it is bound to; undefined for a bearer token. */
  readonly key: ProofKey | undefined;
  /** On the clock of `performance.now()`. */
  readonly renewAt: number;
}

/** Provides access tokens; a new one once half of the lifetime has passed. */
export class TokenSource {
  #token: Promise<Token> | undefined;

  constructor(private readonly transport: Transport, private readonly credentials: Credentials) {}

  /** The headers of one request. @throws {Failure} if the server does not accept the credentials */
  async headers(method: string, url: URL): Promise<Readonly<Record<string, string>>> {
    const { text, key } = await this.#current();
    if (key === undefined) return { authorization: `Bearer ${text}` };
    return {
      authorization: `DPoP ${text}`,
      dpop: await key.prove({ method, url, accessToken: text }),
    };
  }

  /**
   * A token that works without anything else.
   * @throws {Failure} if the server does not accept the credentials, or their tokens need proofs
   */
  async bearer(): Promise<string> {
    const { text, key } = await this.#current();
    if (key === undefined) return text;
    throw new Failure(
      "No access token to print: the credential requires DPoP, so each request also needs a proof",
      {
        next: "use a credential without DPoP; other commands send the proofs themselves",
        exit: "server",
      },
    );
  }

  async #current(): Promise<Token> {
    // A failed request must not fail the next request: the server may have started again.
    const held = await this.#token?.catch(() => undefined);
    if (held !== undefined && performance.now() < held.renewAt) return held;
    this.#token = this.#request();
    return await this.#token;
  }

  async #request(): Promise<Token> {
    const credentials = this.credentials;
    if (credentials.kind === "token") {
      return { text: credentials.accessToken.reveal(), key: undefined, renewAt: Infinity };
    }
    const { access_token: text, expires_in: seconds, key } = await requestToken(
      this.transport,
      credentials,
    );
    // The server accepts the token of a workload for some minutes only: a renewal before it is needed would fail.
    const renewAfterMs = seconds * (credentials.kind === "workload" ? 1000 : 500);
    return { text, key, renewAt: performance.now() + renewAfterMs };
  }
}

/** Credentials that are exchanged for an access token. */
type Exchanged = Exclude<Credentials, { readonly kind: "token" }>;

/** The fields of one request. An assertion works once. @throws {Failure} for a secret without a key */
async function formOf(
  credentials: Exchanged,
  { host, hostname }: URL,
): Promise<Record<string, string>> {
  const { clientId } = credentials;
  if (credentials.kind === "workload") {
    return {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      client_id: clientId,
      subject_token: credentials.oidcToken.reveal(),
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    };
  }
  const form = { grant_type: "client_credentials", client_id: clientId };
  const clientSecret = credentials.clientSecret.reveal();
  if (credentials.kind === "client") return { ...form, client_secret: clientSecret };
  const { ASSERTION_TYPE, signAssertion } = await import("../../tenants/client_key.ts");
  const assertion = await signAssertion({ host, clientId, clientSecret }, hostname);
  if (assertion === undefined) {
    throw new UsageFailure(
      `Invalid secret of client ${oneLine(clientId)}: it is not a secret of C1`,
      {
        next: "give the secret that C1 showed, which begins with secret-token:conductorone.com:v1:",
      },
    );
  }
  return { ...form, client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
}

const WRONG = {
  client: "check the client id and secret: a new data directory has new ones",
  key: "check the client id and secret, and the clock of this machine; or sign in again",
  workload: "check the client id, the audience and the age of the token; " +
    "invoked trusts test names the reason, and so does the audit log",
};

/** The server does not accept the credentials of a client. */
export class CredentialsRejected extends Failure {}

/** Requests a token; bound to a new key if the server then says that the credential requires it. */
async function requestToken(transport: Transport, credentials: Exchanged, key?: ProofKey) {
  const path = "/auth/v1/token";
  const url = new URL(path, transport.url);
  const response = await request(transport, path, {
    method: "POST",
    headers: key === undefined ? {} : { dpop: await key.prove({ method: "POST", url }) },
    body: new URLSearchParams(await formOf(credentials, url)),
  });
  const body = parseJson(await readTokenBody(transport, response));
  const granted = TokenResponse.safeParse(body);
  if (response.status === 200 && granted.success) return { ...granted.data, key };
  const rejection = TokenError.safeParse(body);
  if (rejection.data?.error === "invalid_dpop_proof" && key === undefined) {
    const { ProofKey } = await import("../../shared/proof_key.ts");
    return await requestToken(transport, credentials, await ProofKey.make());
  }
  const { error, error_description: description } = rejection.data ??
    { error: `status ${response.status}` };
  const why = oneLine(description === undefined ? error : `${error}: ${description}`);
  const Kind = error === "invalid_client" ? CredentialsRejected : Failure;
  throw new Kind(
    `Failed to get an access token from ${transport.url}: the server responded ${why}`,
    {
      next: isTemporary(response.status)
        ? tryAgain(response.headers.get("retry-after") ?? undefined)
        : WRONG[credentials.kind],
      exit: "server",
    },
  );
}
