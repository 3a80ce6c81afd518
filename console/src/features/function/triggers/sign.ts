/**
 * Signs deliveries as their senders do, with the cryptography of the browser. Where senders keep a private key, a
 * key of the reader's own signs.
 */
import { decodeBytes, encodeBytes, toUrlBase64, type Trigger } from "../../../api/client.ts";
import { methodOf } from "./words.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const text = new TextEncoder();

/** Whether this page can sign: browsers do so on HTTPS and on localhost alone. */
export function canSign(): boolean {
  return globalThis.crypto.subtle !== undefined;
}

/** Whether deliveries have the secret itself, and no signature. */
export function isPlain({ webhook }: Trigger): boolean {
  return webhook?.header?.encoding === "SIGNATURE_ENCODING_PLAIN";
}

/**
 * The address and the headers of a delivery. Throws `Error` for what proves no sender, in words that follow its name.
 * @param address where senders deliver to, without a secret
 */
export async function deliveryOf(
  trigger: Trigger,
  proof: string,
  body: string,
  address: string,
): Promise<readonly [url: string, headers: Readonly<Record<string, string>>]> {
  const signed = await signedHeaders(trigger, proof, body, address);
  const url = methodOf(trigger) === "capabilityUrl" ? ownPathOf(address, proof) : address;
  return [url, { "Content-Type": "application/json", ...signed }];
}

/** The path of an address that is its own secret, on the host of this page, which may reach the server by another name. */
function ownPathOf(address: string, secret: string): string {
  const { pathname } = new URL(secret, address);
  const begin = `${new URL(address).pathname}/t/`;
  if (!pathname.startsWith(begin)) throw new Error(`must begin with ${begin}`);
  return pathname;
}

/** The headers of a signed delivery. Throws `Error` for a secret that cannot be one, in words that follow its name. */
export async function signedHeaders(
  trigger: Trigger,
  secret: string,
  body: string,
  address: string,
): Promise<Readonly<Record<string, string>>> {
  const id = crypto.randomUUID();
  const seconds = `${Math.floor(Date.now() / 1_000)}`;
  if (trigger.http !== undefined) return await standard(secret, id, seconds, body);
  switch (methodOf(trigger)) {
    case "standardWebhooks":
      return await standard(secret, id, seconds, body);
    case "github":
      return {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": id,
        "X-Hub-Signature-256": `sha256=${hex(await hmac(text.encode(secret), body))}`,
      };
    case "stripe": {
      const signature = hex(await hmac(text.encode(secret), `${seconds}.${body}`));
      return { "Stripe-Signature": `t=${seconds},v1=${signature}` };
    }
    case "slack": {
      const signature = hex(await hmac(text.encode(secret), `v0:${seconds}:${body}`));
      return { "X-Slack-Request-Timestamp": seconds, "X-Slack-Signature": `v0=${signature}` };
    }
    case "hmac": {
      const signature = encodeBytes(await hmac(text.encode(secret), `${seconds}.${id}.${body}`));
      return {
        "Webhook-Event-Id": id,
        "Webhook-Timestamp": seconds,
        "Webhook-Signature": toUrlBase64(signature),
      };
    }
    case "header":
      return await ownHeader(trigger, secret, id, body);
    case "capabilityUrl":
      return { "Webhook-Event-Id": id };
    case "jwt":
      return await tokenHeaders(address, secret, id, body);
    case "discord":
      return await discordHeaders(trigger, secret, seconds, body);
  }
}

async function standard(secret: string, id: string, seconds: string, body: string) {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)) throw new Error("must be whsec_ and base64");
  const key = decodeBytes(secret.replace(/^whsec_/, ""));
  const signature = encodeBytes(await hmac(key, `${id}.${seconds}.${body}`));
  return {
    "webhook-id": id,
    "webhook-timestamp": seconds,
    "webhook-signature": `v1,${signature}`,
  };
}

async function ownHeader(trigger: Trigger, secret: string, id: string, body: string) {
  const { webhook } = trigger;
  const { name = "", prefix = "", encoding } = webhook?.header ?? {};
  const signature = isPlain(trigger) ? secret : await digestIn(encoding, secret, body);
  const idHeader = webhook?.eventIdHeader;
  return {
    [name]: `${prefix}${signature}`,
    ...idHeader === undefined ? {} : { [idHeader]: id },
  };
}

async function digestIn(encoding: string | undefined, secret: string, body: string) {
  const digest = await hmac(text.encode(secret), body);
  return encoding === "SIGNATURE_ENCODING_BASE64" ? encodeBytes(digest) : hex(digest);
}

async function hmac(secret: Bytes, message: string): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, text.encode(message)));
}

/** The body of an example; each has an id of its own, so that it is no repeat. */
export function exampleBody(trigger: Trigger): string {
  const id = `evt_${crypto.randomUUID().slice(0, 13)}`;
  switch (methodOf(trigger)) {
    case "github":
      return JSON.stringify({ ref: "refs/heads/main", repository: { full_name: "example/test" } });
    case "stripe":
      return JSON.stringify({ id, type: "charge.succeeded", data: { object: { amount: 1200 } } });
    case "slack":
      return JSON.stringify({ type: "event_callback", event_id: id, event: { type: "message" } });
    case "discord":
      return JSON.stringify({ id, type: 2, data: { name: "test" } });
    default:
      return JSON.stringify({ id, type: "test" });
  }
}

/** Of a token, in seconds; C1's live for at most 10 minutes. */
const LIFETIME = 300;
const ALGORITHMS: Readonly<Record<string, string>> = { RSA: "RS256", EC: "ES256", OKP: "EdDSA" };

/** As Discord signs. Throws `Error` unless the 64 hexadecimal digits are the private key of the trigger's public key. */
async function discordHeaders(
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
async function tokenHeaders(
  address: string,
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
    sub: new URL(address).origin,
    aud: address,
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
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
