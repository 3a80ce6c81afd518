/** The signatures of well-known senders. */
import { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { WebhookMethod } from "../settings.ts";
import { hmacSha256, isSignedByAny } from "./hmac.ts";
import { rejected, type SignedRequest, type Verdict, verified } from "./verdict.ts";

const WRONG = rejected("the signature is wrong");
const SIGNATURES_MAX = 16;

/** https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries */
export function verifyGithub(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
): Verdict {
  const signature = headers["x-hub-signature-256"];
  if (signature === undefined) return rejected("X-Hub-Signature-256 is missing");
  const isSigned = isSignedByAny(secrets, [signature], (secret) => githubSignature(secret, body));
  return isSigned ? verified({ now, id: headers["x-github-delivery"] }) : WRONG;
}

export function githubSignature(secret: string, body: Uint8Array | string): string {
  return `sha256=${hmacSha256(secret, body).toString("hex")}`;
}

/** https://docs.stripe.com/webhooks/signature: schemes other than v1 do not count. */
export function verifyStripe(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
): Verdict {
  const pairs = (headers["stripe-signature"] ?? "").split(",").slice(0, SIGNATURES_MAX)
    .map((pair) => pair.trim().split("="));
  const seconds = pairs.find(([name]) => name === "t")?.[1];
  if (seconds === undefined) return rejected("Stripe-Signature is missing or has no time");
  const signatures = pairs.flatMap(([name, value = ""]) => name === "v1" ? [value] : []);
  const isSigned = isSignedByAny(
    secrets,
    signatures,
    (secret) => stripeSignature(secret, seconds, body),
  );
  return isSigned ? verified({ now, seconds, id: textIn(body, "id") }) : WRONG;
}

export function stripeSignature(
  secret: string,
  seconds: number | string,
  body: Uint8Array | string,
): string {
  return hmacSha256(secret, `${seconds}.`, body).toString("hex");
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
export function verifySlack(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
): Verdict {
  const signature = headers["x-slack-signature"];
  const seconds = headers["x-slack-request-timestamp"];
  if (signature === undefined || seconds === undefined) {
    return rejected("X-Slack-Signature or X-Slack-Request-Timestamp is missing");
  }
  const isSigned = isSignedByAny(
    secrets,
    [signature],
    (secret) => slackSignature(secret, seconds, body),
  );
  return isSigned ? verified({ now, seconds, id: textIn(body, "event_id") }) : WRONG;
}

export function slackSignature(
  secret: string,
  seconds: number | string,
  body: Uint8Array | string,
): string {
  return `v0=${hmacSha256(secret, `v0:${seconds}:`, body).toString("hex")}`;
}

/** https://docs.discord.com/developers/interactions/overview */
export function verifyDiscord(
  { headers, body, now }: SignedRequest,
  publicKey: string,
): Verdict {
  const signature = Buffer.from(headers["x-signature-ed25519"] ?? "", "hex");
  const seconds = headers["x-signature-timestamp"];
  if (seconds === undefined || signature.length === 0) {
    return rejected("X-Signature-Ed25519 or X-Signature-Timestamp is missing");
  }
  const signed = Buffer.concat([Buffer.from(seconds), body]);
  return verify(null, signed, discordKey(publicKey), signature)
    ? verified({ now, seconds, id: textIn(body, "id") })
    : WRONG;
}

function discordKey(publicKey: string): KeyObject {
  const x = Buffer.from(publicKey, "hex").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

/** Whether 64 hexadecimal digits are a public key of Ed25519: half of them are no point of its curve. */
export function isDiscordKey(publicKey: string): boolean {
  try {
    return discordKey(publicKey).asymmetricKeyType === "ed25519";
  } catch {
    return false;
  }
}

type HeaderMethod = Extract<WebhookMethod, { kind: "header" }>;

/** The HMAC-SHA256 of the body in a header, or the secret itself: https://docs.gitlab.com/user/project/integrations/webhooks/ */
export function verifyHeader(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
  method: HeaderMethod,
): Verdict {
  const signature = headers[method.name.toLowerCase()];
  if (signature === undefined) return rejected(`${method.name} is missing`);
  // Hexadecimal digits count in either case.
  const isHex = method.encoding === "SIGNATURE_ENCODING_HEX";
  const comparable = isHex
    ? method.prefix + signature.slice(method.prefix.length).toLowerCase()
    : signature;
  const isSigned = signature.startsWith(method.prefix) &&
    isSignedByAny(secrets, [comparable], (secret) => headerSignature(secret, body, method));
  if (isSigned) return verified({ now, id: undefined });
  const isPlain = method.encoding === "SIGNATURE_ENCODING_PLAIN";
  return isPlain ? rejected(`the token in ${method.name} is wrong`) : WRONG;
}

export function headerSignature(
  secret: string,
  body: Uint8Array | string,
  { prefix, encoding }: Pick<HeaderMethod, "prefix" | "encoding">,
): string {
  if (encoding === "SIGNATURE_ENCODING_PLAIN") return prefix + secret;
  const isHex = encoding === "SIGNATURE_ENCODING_HEX";
  return prefix + hmacSha256(secret, body).toString(isHex ? "hex" : "base64");
}

/** A text of a body that is a JSON object. */
function textIn(body: Uint8Array, field: string): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    const text = typeof value === "object" && value !== null
      ? (value as Readonly<Record<string, unknown>>)[field]
      : undefined;
    return typeof text === "string" && text !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}
