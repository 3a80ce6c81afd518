/** Every kind of sender of webhooks: what the form makes of it is accepted, and so are the deliveries that the page signs. */
import assert from "node:assert/strict";
import { exportJWK, generateKeyPair } from "jose";
import {
  draftOf,
  requestOf,
  type TriggerDraft,
} from "../../console/src/features/function/triggers/drafts.ts";
import { deliveryOf, exampleBody } from "../../console/src/features/function/triggers/sign.ts";
import { type Method, METHODS } from "../../console/src/features/function/triggers/words.ts";
import type { Page } from "../support/console.ts";
import { ok } from "../support/expect.ts";
import type { KeyHost } from "../triggers/key_host.ts";
import { dialogOf, openForm, saved, type Stage, submit } from "./trigger_form.ts";

interface Sender {
  /** What else the form needs. */
  readonly typed?: Partial<TriggerDraft>;
  /** What proves the sender where the server makes no secret. */
  readonly proof?: string;
}

type Senders = Readonly<Record<Method, Sender>>;

/** Makes the key of the senders that have one; its public half is at the host of keys. */
export async function sendersOf(keys: KeyHost): Promise<Senders> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const [own, secret] = [await exportJWK(publicKey), await exportJWK(privateKey)];
  keys.keys = [{ ...own, kid: "1", alg: "EdDSA" }];
  const hex = (text = "") => Uint8Array.fromBase64(text, { alphabet: "base64url" }).toHex();
  const chosen = "whsec_" + btoa("a secret of the sender, chosen");
  return {
    github: {},
    stripe: { typed: { secret: "chosen" }, proof: "chosen" },
    slack: {},
    standardWebhooks: { typed: { secret: chosen }, proof: chosen },
    header: { typed: { headerName: "X-Mine", headerPrefix: "v=" } },
    capabilityUrl: {},
    hmac: {},
    discord: { typed: { publicKey: hex(own.x) }, proof: hex(secret.d) },
    jwt: {
      typed: { jwksUrl: keys.url("/keys") },
      proof: JSON.stringify({ ...secret, kid: "1" }),
    },
  };
}

/** Delivers as the page does for each sender; a body that was not signed is rejected. */
export async function eachSender({ client, id }: Stage, senders: Senders): Promise<void> {
  const triggers = `/api/v1/functions/${id}/triggers`;
  for (const [method, { typed, proof }] of Object.entries(senders)) {
    const draft = {
      ...draftOf(undefined),
      displayName: method,
      method: method as Method,
      ...typed,
    };
    const made = ok(await client.post(triggers, { trigger: requestOf("webhook", draft) }));
    const { trigger, webhookCapabilityUrl, webhookSecret, webhookHmacSecret } = made;
    assert.ok(trigger.webhook[method] !== undefined || method === "hmac", method);
    const shown = webhookCapabilityUrl ?? webhookSecret ?? webhookHmacSecret;
    const address = `${client.url}/api/v1/webhooks/incoming/${trigger.webhook.listenerId}`;
    const accepts = async (added: string) => {
      const body = exampleBody(trigger);
      const [url, headers] = await deliveryOf(trigger, proof ?? shown, body, address);
      const sent = { method: "POST", headers, body: body + added };
      const answer = await fetch(new URL(url, client.url), sent);
      await answer.body?.cancel();
      return answer.ok;
    };
    if (method !== "capabilityUrl") assert.equal(await accepts(" "), false, method);
    assert.equal(await accepts(""), true, method);
    const { list } = ok(await client.get(`${triggers}/${trigger.id}/deliveries`));
    assert.equal(list[0].status, "DELIVERY_STATUS_STARTED", method);
  }
}

/** What the form asks for beside the name, by the kind of sender. */
const FIELDS: Readonly<Record<Method, readonly string[]>> = {
  github: ["Secret"],
  stripe: ["Secret"],
  slack: ["Secret"],
  standardWebhooks: ["Secret"],
  header: ["Secret", "Signature header", "Signature prefix"],
  capabilityUrl: [],
  hmac: [],
  discord: ["Public key"],
  jwt: ["JWKS URL"],
};
const ALL_FIELDS = new Set(Object.values(FIELDS).flat());

/** Sends the example, and waits for the newest delivery. */
export async function deliver(
  page: Page,
  status: "Started" | "Refused",
  count: number,
): Promise<void> {
  await page.getByRole("button", { name: "Send a signed delivery" }).click();
  const rows = page.getByRole("table", { name: "Deliveries" }).locator("tbody tr");
  await rows.nth(count - 1).waitFor();
  await rows.first().getByText(status).waitFor();
}

/** The form has the fields of each sender; a URL that is its own secret and a key of the reader's own deliver. */
export async function webhooks(
  stage: Stage,
  { jwt: { typed, proof = "" } }: Senders,
): Promise<void> {
  const { page } = stage;
  const form = dialogOf(page);
  const field = (label: string) => form.getByLabel(label, { exact: true });
  await openForm(stage, "webhook", "by its URL");
  for (const { value, label } of METHODS) {
    await field("Sender").selectOption({ label });
    for (const name of ALL_FIELDS) {
      const state = FIELDS[value].includes(name) ? "visible" : "detached";
      await field(name).waitFor({ state });
    }
  }
  await field("Sender").selectOption({ label: "Secret URL" });
  await submit(page);
  await saved(stage, "by its URL");
  await deliver(page, "Started", 1);
  await openForm(stage, "webhook", "by a token");
  await field("Sender").selectOption({ label: "C1's token" });
  await field("JWKS URL").fill(typed?.jwksUrl ?? "");
  await submit(page);
  await saved(stage, "by a token");
  await page.getByLabel("Private key", { exact: true }).fill(proof);
  await deliver(page, "Started", 1);
  await stage.console.screenshot("trigger_test_delivery");
}
