import { createHash } from "node:crypto";
import { decodeJwt, errors, importJWK, type JWTPayload, jwtVerify } from "jose";
import type { Store } from "../../store/mod.ts";
import type { ClientRow } from "../../store/identity.ts";
import { type AccessTokens, type LiveClient, liveClientOf } from "./principal.ts";
import { secretMatches } from "./credentials.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** How far ahead an assertion may expire. */
const ASSERTION_LIFETIME_MAX_SECONDS = 300;
/** Largest accepted difference between the clocks of client and server. */
const CLOCK_SKEW_SECONDS = 10;
/** Names of the loopback host; a client may use any of them. */
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]", "::1"];

/** Characters that RFC 6749 keeps out of `error_description`. */
const UNDESCRIBABLE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g;

/** An error of RFC 6749, section 5.2. */
export class OAuthError extends Error {
  readonly status: 400 | 401;
  readonly description: string;

  constructor(
    readonly error: "invalid_request" | "invalid_client" | "unsupported_grant_type",
    description: string,
  ) {
    super(description);
    this.name = "OAuthError";
    this.description = description.replace(UNDESCRIBABLE, "'");
    this.status = error === "invalid_client" ? 401 : 400;
  }
}

/** RFC 6749, section 5.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
}

/** Exchanges client credentials for access tokens (RFC 6749 section 4.4, RFC 7523 section 2.2). */
export class TokenEndpoint {
  constructor(
    private readonly store: Store,
    private readonly accessTokens: AccessTokens,
    /** The server's host name without a port: what assertions must name as their audience. */
    private readonly hostName: string,
  ) {}

  /** The client whose credentials the form has. @throws OAuthError */
  async authenticate(form: URLSearchParams): Promise<LiveClient> {
    for (const name of new Set(form.keys())) {
      if (form.getAll(name).length > 1) {
        throw new OAuthError("invalid_request", `${name} is given more than once`);
      }
    }
    const grantType = required(form, "grant_type");
    if (grantType !== "client_credentials") {
      throw new OAuthError(
        "unsupported_grant_type",
        `grant_type ${grantType} is not supported: use client_credentials`,
      );
    }
    return await this.#byCredentials(form);
  }

  /** Issues an access token. */
  async grant(client: LiveClient): Promise<TokenAnswer> {
    const { token, expiresInSeconds } = await this.accessTokens.issue(client);
    return { access_token: token, token_type: "Bearer", expires_in: expiresInSeconds };
  }

  async #byCredentials(form: URLSearchParams): Promise<LiveClient> {
    const secret = form.get("client_secret");
    const assertion = form.get("client_assertion");
    if (secret !== null && assertion !== null) {
      throw new OAuthError(
        "invalid_request",
        "give either client_secret or client_assertion, not both",
      );
    }
    if (assertion !== null) return await this.#bySignature(form, assertion);
    const clientId = required(form, "client_id");
    if (secret === null) {
      throw new OAuthError("invalid_request", "client_secret or client_assertion is missing");
    }
    const row = await this.store.read.identity.client(clientId);
    if (!secretMatches(secret, row) || row === undefined) throw unknownClient();
    return liveOrUnknown(row);
  }

  async #bySignature(form: URLSearchParams, assertion: string): Promise<LiveClient> {
    const type = required(form, "client_assertion_type");
    if (type !== ASSERTION_TYPE) {
      throw new OAuthError("invalid_request", `client_assertion_type must be ${ASSERTION_TYPE}`);
    }
    const clientId = form.get("client_id") ?? subjectOf(assertion);
    const row = clientId === undefined
      ? undefined
      : await this.store.read.identity.client(clientId);
    if (row === undefined) throw unknownClient();
    const claims = await this.#verify(assertion, row.clientId, row.publicJwk);
    await this.#useOnce(assertion, row.clientId, claims);
    return liveOrUnknown(row);
  }

  async #verify(assertion: string, clientId: string, publicJwk: string): Promise<JWTPayload> {
    let claims: JWTPayload;
    try {
      const { payload } = await jwtVerify(
        assertion,
        await importJWK(JSON.parse(publicJwk), "EdDSA"),
        {
          algorithms: ["EdDSA", "Ed25519"],
          issuer: clientId,
          subject: clientId,
          audience: this.#audiences(clientId),
          requiredClaims: ["exp"],
          clockTolerance: CLOCK_SKEW_SECONDS,
        },
      );
      claims = payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError || error instanceof TypeError)) throw error;
      throw new OAuthError("invalid_client", `client_assertion is not valid: ${error.message}`);
    }
    const lifetime = (claims.exp ?? 0) - Date.now() / 1000;
    if (lifetime > ASSERTION_LIFETIME_MAX_SECONDS + CLOCK_SKEW_SECONDS) {
      throw new OAuthError(
        "invalid_client",
        `client_assertion is not valid: exp may be at most ${ASSERTION_LIFETIME_MAX_SECONDS} seconds ahead`,
      );
    }
    return claims;
  }

  /** The server's name, the one that the client knows it by, and every loopback name where one of them is. */
  #audiences(clientId: string): string[] {
    const names = [this.hostName, hostNameOf(clientId)];
    return names.some((name) => LOOPBACK_NAMES.includes(name))
      ? [...names, ...LOOPBACK_NAMES]
      : names;
  }

  async #useOnce(assertion: string, clientId: string, claims: JWTPayload): Promise<void> {
    const signature = Buffer.from(assertion.slice(assertion.lastIndexOf(".") + 1), "base64url");
    const mark = claims.jti === undefined ? signature.toString("hex") : `jti:${claims.jti}`;
    const fingerprint = createHash("sha256").update(JSON.stringify([clientId, mark])).digest(
      "base64url",
    );
    const expiresAt = new Date(((claims.exp ?? 0) + CLOCK_SKEW_SECONDS) * 1000).toISOString();
    const first = await this.store.write((tx) => tx.assertions.use(fingerprint, expiresAt));
    if (!first) {
      throw new OAuthError("invalid_client", "client_assertion was used before: sign a new one");
    }
  }
}

function required(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value === null || value === "") throw new OAuthError("invalid_request", `${name} is missing`);
  return value;
}

function unknownClient(): OAuthError {
  return new OAuthError(
    "invalid_client",
    "the client is unknown, deleted, disabled or expired, or its secret is wrong",
  );
}

function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
  } catch {
    return undefined;
  }
}

/** `name@host:port/use` -> `host` */
function hostNameOf(clientId: string): string {
  const host = clientId.slice(clientId.indexOf("@") + 1).split("/")[0] ?? "";
  return host.replace(/:\d+$/, "");
}

/** @throws OAuthError for a client that was deleted, is disabled or has expired */
function liveOrUnknown(row: ClientRow): LiveClient {
  const client = liveClientOf(row);
  if (client === undefined) throw unknownClient();
  return client;
}
