/**
 * The clients of the example tenant and its token endpoint. The keys follow from this file, so everybody knows them:
 * they open nothing but invented data.
 */
import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, type JsonWebKey, randomBytes } from "node:crypto";
import { decodeJwt, importJWK, jwtVerify } from "jose";
import { TenantStatus } from "./errors.ts";
import { exampleId } from "./world.ts";

/** What C1's SDK needs of a client. */
export interface ExampleCredentials {
  /** With a port unless it is 443. */
  readonly host: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A client: one may change the tenant, the other may only read. */
export interface ExampleClient {
  readonly name: string;
  readonly access: "READ" | "WRITE";
  /** The user that acts. */
  readonly userId: string;
}

const CLIENTS: Readonly<Record<ExampleClient["access"], ExampleClient>> = {
  WRITE: { name: "example-writer-10001", access: "WRITE", userId: exampleId("User", 35) },
  READ: { name: "example-reader-10002", access: "READ", userId: exampleId("User", 36) },
};

const SECRET_PREFIX = "secret-token:conductorone.com:v1:";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** C1's tokens live as long. */
const TOKEN_LIFETIME_S = 600;
const ASSERTION_LIFETIME_MAX_S = 300;
const CLOCK_TOLERANCE_S = 30;
/** Older tokens end early once there are more. */
const TOKENS_MAX = 1000;

/** The start of a PKCS #8 file with an Ed25519 key, up to the 32 bytes of the key. */
const PKCS8_HEAD = "302e020100300506032b657004220420";

/** The credentials of a client of the example tenant at a host, the same at each start. */
export function exampleCredentials(
  host: string,
  access: ExampleClient["access"] = "WRITE",
): ExampleCredentials {
  const client = CLIENTS[access];
  const key = Buffer.from(JSON.stringify(privateKeyOf(client))).toString("base64url");
  return { host, clientId: `${client.name}@${host}/spc`, clientSecret: SECRET_PREFIX + key };
}

function privateKeyOf({ name }: ExampleClient): JsonWebKey {
  const seed = createHash("sha256").update(`example tenant ${name}`).digest();
  const file = Buffer.concat([Buffer.from(PKCS8_HEAD, "hex"), seed]);
  return createPrivateKey({ key: file, format: "der", type: "pkcs8" }).export({ format: "jwk" });
}

/** The tokens that the tenant has issued. */
export class Tokens {
  readonly #issued = new Map<string, { readonly client: ExampleClient; readonly endsMs: number }>();

  /** Answers `POST /auth/v1/token`. */
  async answer(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    if (form.get("grant_type") !== "client_credentials") {
      return oauthError(400, "unsupported_grant_type", "grant_type must be client_credentials");
    }
    if (form.get("client_assertion_type") !== ASSERTION_TYPE) {
      return oauthError(400, "invalid_request", `client_assertion_type must be ${ASSERTION_TYPE}`);
    }
    const url = new URL(request.url);
    const client = await verified(
      form.get("client_id") ?? "",
      form.get("client_assertion") ?? "",
      url,
    );
    if (client === undefined) {
      return oauthError(401, "invalid_client", "the assertion is not that of a client");
    }
    return Response.json({
      access_token: this.#issue(client),
      token_type: "Bearer",
      expires_in: TOKEN_LIFETIME_S,
    });
  }

  /** The client of a request. @throws {TenantStatus} without a valid token */
  clientOf(request: Request): ExampleClient {
    const token = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    const issued = token === undefined ? undefined : this.#issued.get(token);
    if (issued !== undefined && performance.now() < issued.endsMs) return issued.client;
    throw new TenantStatus(
      "UNAUTHENTICATED",
      "INVALID_TOKEN",
      "The access token is missing, unknown or has expired",
    );
  }

  #issue(client: ExampleClient): string {
    const token = `example-token-${randomBytes(24).toString("base64url")}`;
    this.#issued.set(token, { client, endsMs: performance.now() + TOKEN_LIFETIME_S * 1000 });
    for (const oldest of this.#issued.keys()) {
      if (this.#issued.size <= TOKENS_MAX) break;
      this.#issued.delete(oldest);
    }
    return token;
  }
}

/** The client that signed an assertion for this host; undefined if none did. */
async function verified(
  clientId: string,
  assertion: string,
  { host, hostname }: URL,
): Promise<ExampleClient | undefined> {
  const client = Object.values(CLIENTS).find(({ name }) => clientId === `${name}@${host}/spc`);
  if (client === undefined) return undefined;
  const { kty, crv, x } = privateKeyOf(client);
  try {
    const key = await importJWK({ kty, crv, x } as Parameters<typeof importJWK>[0], "EdDSA");
    await jwtVerify(assertion, key, {
      algorithms: ["EdDSA"],
      issuer: clientId,
      subject: clientId,
      audience: hostname,
      requiredClaims: ["exp", "iat"],
      clockTolerance: CLOCK_TOLERANCE_S,
    });
    const { exp = 0 } = decodeJwt(assertion);
    const lifetime = exp - Date.now() / 1000;
    return lifetime <= ASSERTION_LIFETIME_MAX_S + CLOCK_TOLERANCE_S ? client : undefined;
  } catch {
    return undefined;
  }
}

function oauthError(status: number, error: string, description: string): Response {
  return Response.json({ error, error_description: description }, { status });
}
