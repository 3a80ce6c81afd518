/** Signatures of senders that keep a private key, made by a key of the reader's own: for tests. */
import { encodeBytes, toUrlBase64 } from "../../../api/base64.ts";
import type { Trigger } from "../../../api/types.ts";
import { addressOf } from "./words.ts";

/** Of a token, in seconds; C1's live for at most 10 minutes. */
const LIFETIME = 300;
const ALGORITHMS: Readonly<Record<string, string>> = { RSA: "RS256", EC: "ES256", OKP: "EdDSA" };

const text = new TextEncoder();

/** As Discord signs. Throws `Error` unless the 64 hexadecimal digits are the private key of the trigger's public key. */
export async function discordHeaders(
  { webhook }: Trigger,
  privateKey: string,
  seconds: string,
  body: string,
): Promise<Readonly<Record<string, string>>> {
  if (!/^[0-9a-f]{64}$/i.test(privateKey)) throw new Error("must be 64 hexadecimal digits");
  const jwk = {
    kty: "OKP",
    crv: "Ed25519",
    d: toUrlBase64(encodeBytes(bytesOf(privateKey))),
    x: toUrlBase64(encodeBytes(bytesOf(webhook?.discord?.publicKey ?? ""))),
  };
  const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  const signature = await crypto.subtle.sign("Ed25519", key, text.encode(seconds + body));
  return {
    "X-Signature-Timestamp": seconds,
    "X-Signature-Ed25519": hex(new Uint8Array(signature)),
  };
}

/** As C1 sends its token. Throws `Error` unless the text is a private key as a JWK of RSA, P-256 or Ed25519. */
export async function tokenHeaders(
  trigger: Trigger,
  privateKey: string,
  id: string,
  body: string,
): Promise<Readonly<Record<string, string>>> {
  const { importJWK, SignJWT } = await import("jose");
  const jwk = JSON.parse(privateKey) as { readonly kty?: string; readonly kid?: string };
  const alg = ALGORITHMS[jwk.kty ?? ""];
  if (alg === undefined) throw new Error(`has kty ${jwk.kty}: it must be RSA, EC or OKP`);
  const digest = await crypto.subtle.digest("SHA-256", text.encode(body));
  const token = await new SignJWT({
    sub: globalThis.location.origin,
    aud: addressOf(trigger),
    exp: Math.floor(Date.now() / 1_000) + LIFETIME,
    jti: id,
    htm: "POST",
    htb_s256: toUrlBase64(encodeBytes(new Uint8Array(digest))),
  }).setProtectedHeader({ alg, ...jwk.kid === undefined ? {} : { kid: jwk.kid } })
    .sign(await importJWK(jwk, alg));
  return { "Authorization": `Bearer ${token}` };
}

/** The bytes of hexadecimal digits. */
function bytesOf(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Bytes in hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
