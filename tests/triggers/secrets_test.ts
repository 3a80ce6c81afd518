/** The secrets of triggers: made, given, never read again, and rotated. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { createTrigger, createWebhook, triggersOf, updateTrigger } from "./support.ts";

sharedSuite("secrets of triggers", {
  "a secret is made and shown once, or given, and never read again": async (
    { client, server },
  ) => {
    const functionId = await client.deploy(MAIN);
    const shown: string[] = [];
    const forms: readonly (readonly [Json, string, RegExp])[] = [
      [{ hmac: {} }, "webhookHmacSecret", /^[\w-]{43}$/],
      [{ capabilityUrl: {} }, "webhookCapabilityUrl", /\/incoming\/[\w-]{27}\/t\/[\w-]{43}$/],
      [{ standardWebhooks: {} }, "webhookSecret", /^whsec_[A-Za-z0-9+/]{43}=$/],
      [{ github: {} }, "webhookSecret", /^[0-9a-f]{64}$/],
      [{ header: { name: "X-Signature" } }, "webhookSecret", /^[0-9a-f]{64}$/],
    ];
    for (const [webhook, field, form] of forms) {
      const { trigger, ...secrets } = await createWebhook(client, functionId, webhook);
      assert.deepEqual(Object.keys(secrets), [field]);
      assert.match(secrets[field], form);
      assert.match(trigger.webhook.listenerId, /^[\w-]{27}$/);
      shown.push(secrets[field].split("/").at(-1));
    }
    const given = `given-${crypto.randomUUID()}`;
    const own = await createWebhook(client, functionId, { stripe: { secret: given } });
    assert.deepEqual(Object.keys(own), ["trigger"]);
    assert.deepEqual(own.trigger.webhook.stripe, {});
    const kept = await updateTrigger(client, own.trigger, { webhook: { maxBytes: 1000 } });
    assert.equal(kept.webhook.maxBytes, 1000);
    const replaced = await client.call("PATCH", `${triggersOf(functionId)}/${kept.id}`, {
      trigger: { webhook: { slack: {} } },
    });
    assert.match(ok(replaced).webhookSecret, /^[0-9a-f]{64}$/);

    const read = JSON.stringify(ok(await client.get(triggersOf(functionId))));
    using database = new DatabaseSync(join(server.dataDir, "invoked.db"), { readOnly: true });
    const stored = database.prepare("select * from triggers where function_id = ?").all(functionId);
    for (const secret of [...shown, given]) {
      assert.ok(!read.includes(secret), "a secret was read");
      for (const value of stored.flatMap((row) => Object.values(row))) {
        const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
        assert.ok(!text.includes(secret), "a secret is stored as it is");
      }
    }
  },

  "a secret is rotated": async ({ client }) => {
    const functionId = await client.deploy(MAIN);
    const { trigger, webhookHmacSecret } = await createWebhook(client, functionId, { hmac: {} });
    const path = (id: string) => `${triggersOf(functionId)}/${id}/rotate_secret`;
    const rotated = ok(await client.post(path(trigger.id), { expireOldAfter: "60s" }));
    assert.deepEqual(Object.keys(rotated), ["webhookHmacSecret"]);
    assert.notEqual(rotated.webhookHmacSecret, webhookHmacSecret);
    const slack = await createWebhook(client, functionId, { slack: {} });
    assert.deepEqual(ok(await client.post(path(slack.trigger.id), { secret: "given" })), {});
    const late = await client.post(path(trigger.id), { expireOldAfter: "9999999s" });
    assertInvalid(late, "expireOldAfter");
    const plain = await createTrigger(client, functionId, {
      schedule: { cronSpec: "0 9 * * 1-5" },
    });
    assertError(await client.post(path(plain.trigger.id), {}), "INVALID_FIELD");
  },
});
