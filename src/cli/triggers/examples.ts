/** Signed examples of what the senders of webhooks send. */
import { randomUUID, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { c1Signature } from "../../domain/triggers/signatures/c1.ts";
import {
  githubSignature,
  headerSignature,
  slackSignature,
  stripeSignature,
} from "../../domain/triggers/signatures/presets.ts";
import { standardSignature } from "../../domain/triggers/signatures/standard_webhooks.ts";
import type { WebhookMethod, WebhookMethodKind } from "../../domain/triggers/settings.ts";

export interface Example {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Methods of which an example can be signed: the key of C1's tokens is its sender's alone. */
export type Signable = Exclude<WebhookMethodKind, "jwt" | "capabilityUrl">;

/** The body of an example. */
export function exampleBody(method: WebhookMethodKind, id: string): string {
  return JSON.stringify(BODIES[method](id), null, 2);
}

const BODIES: Readonly<Record<WebhookMethodKind, (id: string) => unknown>> = {
  hmac: (id) => ({ event: "example", id }),
  jwt: (id) => ({ event: "example", id }),
  capabilityUrl: (id) => ({ event: "example", id }),
  standardWebhooks: () => ({ type: "user.created", timestamp: now(), data: { name: "Ada" } }),
  github: () => ({
    ref: "refs/heads/main",
    repository: { full_name: "octocat/hello-world" },
    head_commit: { id: "0".repeat(40), message: "Say hello" },
    sender: { login: "octocat" },
  }),
  stripe: (id) => ({
    id: `evt_${id}`,
    object: "event",
    type: "payment_intent.succeeded",
    data: { object: { id: "pi_example", object: "payment_intent", amount: 2000, currency: "eur" } },
  }),
  slack: (id) => ({
    type: "event_callback",
    event_id: `Ev${id}`,
    event: { type: "app_mention", user: "U0EXAMPLE", channel: "C0EXAMPLE", text: "hello" },
  }),
  discord: (id) => ({ id, type: 2, token: "example", data: { name: "hello", type: 1 } }),
  header: (id) => ({ event: "example", id }),
};

/** The headers of a body that its sender signs. @param secret of Discord: its private key in PEM */
export function signedHeaders(
  method: WebhookMethod & { readonly kind: Signable },
  secret: string,
  body: string,
): Record<string, string> {
  const id = randomUUID();
  const seconds = Math.floor(Date.now() / 1000);
  switch (method.kind) {
    case "hmac":
      return {
        "Webhook-Event-Id": id,
        "Webhook-Timestamp": `${seconds}`,
        "Webhook-Signature": c1Signature(secret, { id, seconds, body }),
      };
    case "standardWebhooks":
      return {
        "webhook-id": id,
        "webhook-timestamp": `${seconds}`,
        "webhook-signature": standardSignature(secret, { id, seconds, body }),
      };
    case "github":
      return {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": id,
        "X-Hub-Signature-256": githubSignature(secret, body),
      };
    case "stripe":
      return { "Stripe-Signature": `t=${seconds},v1=${stripeSignature(secret, seconds, body)}` };
    case "slack":
      return {
        "X-Slack-Request-Timestamp": `${seconds}`,
        "X-Slack-Signature": slackSignature(secret, seconds, body),
      };
    case "discord":
      return {
        "X-Signature-Timestamp": `${seconds}`,
        "X-Signature-Ed25519": sign(null, Buffer.from(`${seconds}${body}`), secret).toString("hex"),
      };
    case "header":
      return { [method.name]: headerSignature(secret, body, method) };
  }
}

function now(): string {
  return new Date().toISOString();
}
