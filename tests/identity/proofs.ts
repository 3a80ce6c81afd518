/** A client with DPoP (RFC 9449), whose proofs can be spoilt. */
import { createHash } from "node:crypto";
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { type Answer, Client, type Credentials, type Json } from "../support/client.ts";

/** What differs from a correct proof; undefined leaves a claim out. */
export interface Spoilt {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: CryptoKey;
}

export interface Proofs {
  readonly jwk: JWK;
  readonly privateKey: CryptoKey;
  /** @param url of the request, or only the path at the server */
  prove(method: string, url: string, token?: string, spoilt?: Spoilt): Promise<string>;
}

export async function newProofs(alg = "ES256", options = {}): Promise<Proofs> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, ...options });
  const jwk = await exportJWK(publicKey);
  return {
    jwk,
    privateKey,
    async prove(htm, htu, token, { claims = {}, header = {}, key = privateKey } = {}) {
      const ath = token === undefined ? {} : { ath: athOf(token) };
      const payload = {
        jti: crypto.randomUUID(),
        htm,
        htu,
        iat: Math.floor(Date.now() / 1000),
        ...ath,
        ...claims,
      };
      return await new SignJWT(payload as JWTPayload)
        .setProtectedHeader({ alg, typ: "dpop+jwt", jwk, ...header }).sign(key);
    },
  };
}

export function athOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

let addresses = 0;
/** Another address for each request: the audit log records only some rejections of one address. */
export const newAddress = () => `198.51.100.${++addresses % 250}`;

/** Requests a token, with a proof unless it is undefined. */
export async function requestToken(
  url: string,
  credentials: Credentials,
  dpop?: string,
): Promise<Answer<Json>> {
  const headers = { "x-forwarded-for": newAddress(), ...dpop === undefined ? {} : { dpop } };
  return await new Client(url, undefined).requestToken(credentials, {}, headers);
}

/** A token that is bound to the key of the proofs. */
export async function boundToken(
  url: string,
  credentials: Credentials,
  proofs: Proofs,
): Promise<string> {
  const proof = await proofs.prove("POST", `${url}/auth/v1/token`);
  const { status, body } = await requestToken(url, credentials, proof);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.access_token;
}
