/** Senders of webhooks, written from what each publishes and with nothing of the server's code. */
import { createHmac, randomUUID, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { Webhook } from "standardwebhooks";

export type Headers = Readonly<Record<string, string>>;

const hmac = (key: string, text: string, encoding: "hex" | "base64" | "base64url") =>
  createHmac("sha256", key).update(text).digest(encoding);

/** Unix time, that many seconds from now. */
export function seconds(fromNow = 0): number {
  return Math.floor(Date.now() / 1000) + fromNow;
}

/** Signs a body with a secret; `at` is the Unix time, `id` that of the event. */
type Signer = (
  secret: string,
  body: string,
  more?: { readonly at?: number; readonly id?: string },
) => Headers;

export const c1: Signer = (secret, body, { at = seconds(), id = randomUUID() } = {}) => ({
  "Webhook-Timestamp": `${at}`,
  "Webhook-Event-Id": id,
  "Webhook-Signature": hmac(secret, `${at}.${id}.${body}`, "base64url"),
});

export const standard: Signer = (secret, body, { at = seconds(), id = randomUUID() } = {}) => ({
  "webhook-id": id,
  "webhook-timestamp": `${at}`,
  "webhook-signature": new Webhook(secret).sign(id, new Date(at * 1000), body),
});

/** The same headers under the names that Svix gives them. */
export const svix: Signer = (secret, body, more) =>
  Object.fromEntries(
    Object.entries(standard(secret, body, more))
      .map(([name, value]) => [name.replace("webhook", "svix"), value]),
  );

export const github: Signer = (secret, body, { id = randomUUID() } = {}) => ({
  "X-GitHub-Event": "push",
  "X-GitHub-Delivery": id,
  "X-Hub-Signature-256": `sha256=${hmac(secret, body, "hex")}`,
});

export const stripe: Signer = (secret, body, { at = seconds() } = {}) => ({
  "Stripe-Signature": `t=${at},v1=${hmac(secret, `${at}.${body}`, "hex")},v0=00`,
});

export const slack: Signer = (secret, body, { at = seconds() } = {}) => ({
  "X-Slack-Request-Timestamp": `${at}`,
  "X-Slack-Signature": `v0=${hmac(secret, `v0:${at}:${body}`, "hex")}`,
});

/** @param key of Ed25519 */
export function discord(key: Parameters<typeof sign>[2], body: string, at = seconds()): Headers {
  return {
    "X-Signature-Timestamp": `${at}`,
    "X-Signature-Ed25519": sign(null, Buffer.from(`${at}${body}`), key).toString("hex"),
  };
}
