import { createHash } from "node:crypto";
import { decodeJwt, errors, importJWK, type JWTPayload, jwtVerify } from "jose";
import type { ClientRow } from "../../../store/identity.ts";
import type { Store } from "../../../store/mod.ts";
import type { Granted } from "../access_tokens.ts";
import { secretMatches } from "../credentials.ts";
import type { LiveClient, LiveClients } from "../live_clients.ts";
import { checkedFor, holderAs, holderOf, rejectedFor } from "../holders.ts";
import { type Grant, OAuthError, required, unknownClient } from "./grant.ts";
import { rolesOfScope } from "./scopes.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** How far ahead an assertion may expire. */
const ASSERTION_LIFETIME_MAX_SECONDS = 300;
/** Largest accepted difference between the clocks of client and server. */
const CLOCK_SKEW_SECONDS = 10;
/** Names of the loopback host; a client may use any of them. */
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]", "::1"];

/** Client credentials in the body, by secret or by signed assertion (RFC 6749 section 4.4, RFC 7523 section 2.2). */
export class ClientCredentialsGrant implements Grant {
  readonly type = "client_credentials";

  constructor(
    private readonly store: Store,
    private readonly liveClients: LiveClients,
    /** The server's host name without a port: what assertions must name as their audience. */
    private readonly hostName: string,
  ) {}

  async authenticate(form: URLSearchParams): Promise<Granted> {
    const client = await this.#byCredentials(form);
    const { identity } = this.store.read;
    const roles = await checkedFor(
      holderAs(client.principal),
      () => rolesOfScope(form.get("scope") ?? "", this.liveClients, identity),
    );
    return { client, roles };
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
    // RFC 7521, section 4.2: the type does not come alone.
    if (form.get("client_assertion_type")) required(form, "client_assertion");
    const clientId = required(form, "client_id");
    if (secret === null) {
      throw new OAuthError("invalid_request", "client_secret or client_assertion is missing");
    }
    const row = await this.#row(clientId);
    if (!secretMatches(secret, row?.credential) || row === undefined) throw unknownClient();
    return this.#liveOrUnknown(row);
  }

  async #bySignature(form: URLSearchParams, assertion: string): Promise<LiveClient> {
    const type = required(form, "client_assertion_type");
    if (type !== ASSERTION_TYPE) {
      throw new OAuthError("invalid_request", `client_assertion_type must be ${ASSERTION_TYPE}`);
    }
    const clientId = form.get("client_id") ?? subjectOf(assertion);
    const row = clientId === undefined ? undefined : await this.#row(clientId);
    // Credentials without a secret have no key.
    if (row === undefined || row.credential.publicJwk === "") throw unknownClient();
    const claims = await this.#verify(assertion, row);
    await checkedFor(
      holderOf(row),
      () => this.#useOnce(assertion, row.credential.clientId, claims),
    );
    return this.#liveOrUnknown(row);
  }

  /** The client with a secret; undefined for other kinds of credentials, too. */
  async #row(clientId: string): Promise<ClientRow | undefined> {
    const row = await this.store.read.identity.client(clientId);
    return row?.credential.kind === "secret" ? row : undefined;
  }

  /** @throws OAuthError for a client that may not be used */
  #liveOrUnknown(row: ClientRow): LiveClient {
    const client = this.liveClients.of(row);
    if (client === undefined) throw rejectedFor(unknownClient(), holderOf(row));
    return client;
  }

  async #verify(assertion: string, row: ClientRow): Promise<JWTPayload> {
    const { clientId, publicJwk } = row.credential;
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
      const detail = `client_assertion is not valid: ${error.message}`;
      if (!isOfSigned(error)) throw unknownClient({ code: "invalid_client", detail });
      throw rejectedFor(new OAuthError("invalid_client", detail), holderOf(row));
    }
    const lifetime = (claims.exp ?? 0) - Date.now() / 1000;
    if (lifetime > ASSERTION_LIFETIME_MAX_SECONDS + CLOCK_SKEW_SECONDS) {
      const error = new OAuthError(
        "invalid_client",
        `client_assertion is not valid: exp may be at most ${ASSERTION_LIFETIME_MAX_SECONDS} seconds ahead`,
      );
      throw rejectedFor(error, holderOf(row));
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

/** Whether the signature was right: jose checks it before the claims. Whoever cannot sign learns as little as a stranger. */
function isOfSigned(error: errors.JOSEError | TypeError): boolean {
  return error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired;
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
