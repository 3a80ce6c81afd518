/** Deliveries to webhooks, as their senders make them. */
import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, randomUUID } from "node:crypto";
import { atOnce } from "../support/at_once.ts";
import { Client, type Json, unbase64 } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { deliver, deliveriesOf, onlyInvocation } from "./deliveries.ts";
import * as signing from "./signing.ts";
import { createTrigger, createWebhook, ECHO, triggersOf, updateTrigger } from "./support.ts";

const SECRET = "a secret of the sender";
const STANDARD_SECRET = `whsec_${"c2VjcmV0".repeat(5)}`;

sharedSuite("webhooks", {
  "each method proves its sender, and a repeat of an event starts nothing": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const x = publicKey.export({ format: "jwk" }).x ?? "";
    const discordKey = Buffer.from(x, "base64url").toString("hex");
    const event = `{"id": "${randomUUID()}", "event_id": "Ev-${randomUUID()}"}`;
    const id = randomUUID();
    const header = { name: "X-Sig", prefix: "v=", encoding: "SIGNATURE_ENCODING_BASE64" };
    const base64 = (body: string) => ({
      "X-Sig": `v=${createHmac("sha256", SECRET).update(body).digest("base64")}`,
      "X-Id": id,
    });
    const methods: Record<string, readonly [Json, (made: Json, body: string) => signing.Headers]> =
      {
        hmac: [{}, (made, body) => signing.c1(made.webhookHmacSecret, body, { id })],
        standardWebhooks: [
          { secret: STANDARD_SECRET },
          (_, body) => signing.standard(STANDARD_SECRET, body, { id }),
        ],
        github: [{ secret: SECRET }, (_, body) => signing.github(SECRET, body, { id })],
        stripe: [{ secret: SECRET }, (_, body) => signing.stripe(SECRET, body)],
        slack: [{ secret: SECRET }, (_, body) => signing.slack(SECRET, body)],
        discord: [{ publicKey: discordKey }, (_, body) => signing.discord(privateKey, body)],
        header: [{ ...header, secret: SECRET }, (_, body) => base64(body)],
      };
    for (const [method, [parameters, sign]] of Object.entries(methods)) {
      const made = await createWebhook(client, functionId, {
        [method]: parameters,
        ...method === "header" ? { eventIdHeader: "x-id" } : {},
      });
      const { trigger } = made;
      const headers = { "content-type": "application/json", ...sign(made, event) };
      assert.deepEqual(ok(await deliver(client, trigger, event, headers)), {}, method);
      const again = await deliver(client, trigger, event, headers);
      if (method === "hmac") assertError(again, "WEBHOOK_REPEATED");
      else assert.deepEqual(ok(again), {}, method);
      const changed = await deliver(client, trigger, event.replace("Ev", "Fv"), headers);
      assertError(changed, "WEBHOOK_NOT_PROVED");

      const invocation = await onlyInvocation(client, trigger);
      const { input, trigger: by } = invocation.output;
      assert.deepEqual(by, { kind: "webhook", id: trigger.id });
      assert.deepEqual(invocation.trigger, { kind: "TRIGGER_KIND_WEBHOOK", id: trigger.id });
      assert.deepEqual(invocation.principal, { id: trigger.id });
      assert.deepEqual(input.payload, JSON.parse(event));
      assert.equal(unbase64(input.body), event);
      assert.equal(input.contentType, "application/json");
      assert.equal(input.event.source, method);
      assert.ok(input.event.id, method);
      const deliveries = await deliveriesOf(client, trigger);
      assert.deepEqual(deliveries.map(({ status }) => status.slice(16)), [
        "REFUSED",
        "REPEAT",
        "STARTED",
      ]);
      assert.equal(deliveries[1].invocationId, invocation.id);
      assert.match(deliveries[0].reason, /signature is wrong/);
    }
  },

  "the names of Svix are those of Standard Webhooks": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createWebhook(client, functionId, {
      standardWebhooks: { secret: STANDARD_SECRET },
    });
    const id = `msg_${randomUUID()}`;
    const signed = signing.svix(STANDARD_SECRET, "{}", { id });
    assert.deepEqual(ok(await deliver(client, trigger, "{}", signed)), {});
    assert.deepEqual(ok(await deliver(client, trigger, "{}", signed)), {});
    assert.equal((await onlyInvocation(client, trigger)).output.input.event.id, id);
    assertError(await deliver(client, trigger, "{ }", signed), "WEBHOOK_NOT_PROVED");
  },

  "a capability URL needs no header, and each delivery without an event is new": async (
    { client },
  ) => {
    const functionId = await client.deploy(ECHO);
    const { trigger, webhookCapabilityUrl } = await createWebhook(client, functionId, {
      capabilityUrl: {},
    });
    const stranger = new Client(client.url, undefined);
    for (const _ of [1, 2]) assert.deepEqual(ok(await stranger.post(webhookCapabilityUrl, {})), {});
    const id = randomUUID();
    ok(await stranger.post(webhookCapabilityUrl, {}, { "Webhook-Event-Id": id }));
    const again = await stranger.post(webhookCapabilityUrl, {}, { "Webhook-Event-Id": id });
    assertError(again, "WEBHOOK_REPEATED");
    const bad = await stranger.post(webhookCapabilityUrl, {}, { "Webhook-Event-Id": "1" });
    assertError(bad, "WEBHOOK_INVALID", /UUID/);
    for (const path of [webhookCapabilityUrl.slice(0, -1), webhookCapabilityUrl.split("/t/")[0]]) {
      assertError(await stranger.post(path, {}), "WEBHOOK_NOT_PROVED");
    }
    const started = (await deliveriesOf(client, trigger)).filter(({ status }) =>
      status === "DELIVERY_STATUS_STARTED"
    );
    assert.equal(started.length, 3);
  },

  "a stranger gets one answer for everything": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createWebhook(client, functionId, {
      github: { secret: SECRET },
      allowSourceCidrs: ["192.0.2.0/24"],
      maxBytes: 10,
    });
    const body = "x".repeat(2000);
    const answers = await Promise.all([
      deliver(client, trigger, body, {}),
      deliver(client, trigger, body, signing.github("wrong", body)),
      deliver(client, trigger, body, { Authorization: `Bearer ${client.token}` }),
      deliver(client, { webhook: { listenerId: "unknown" } }, body, signing.github(SECRET, body)),
    ]);
    for (const answer of answers) {
      assertError(answer, "WEBHOOK_NOT_PROVED");
      assert.deepEqual(answer.body, answers[0].body);
    }
    const right = await deliver(client, trigger, "{}", signing.github(SECRET, "{}"));
    assertError(right, "WEBHOOK_ADDRESS");
    const reasons = (await deliveriesOf(client, trigger)).map(({ reason }) => reason);
    assert.match(reasons[0], /is not in allowSourceCidrs/);
    assert.equal(reasons.length, 4);
    const log = ok(await client.get(`/api/v1/functions/${functionId}/invocations`)).list;
    assert.deepEqual(log, []);
    for (const [networks, status] of [[["127.0.0.0/8", "::1/128"], 200], [["192.0.2.0/24"], 403]]) {
      const webhook = { allowSourceCidrs: networks };
      await updateTrigger(client, trigger, { webhook }, "webhook.allowSourceCidrs");
      const body = `{"n":${status}}`;
      const { status: answered } = await deliver(
        client,
        trigger,
        body,
        signing.github(SECRET, body),
      );
      assert.equal(answered, status, "a change counts from the next delivery on");
    }
  },

  "what is old, too large or paused is rejected, and is in the list": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createWebhook(client, functionId, {
      slack: { secret: SECRET },
      maxBytes: 100,
      allowSourceCidrs: ["127.0.0.0/8"],
    });
    const old = signing.slack(SECRET, "{}", { at: signing.seconds(-301) });
    assertError(await deliver(client, trigger, "{}", old), "WEBHOOK_INVALID", /within 5 minutes/);
    const large = "x".repeat(101);
    const tooLarge = await deliver(client, trigger, large, signing.slack(SECRET, large));
    assertError(tooLarge, "WEBHOOK_TOO_LARGE");
    await updateTrigger(client, trigger, { paused: true });
    const paused = await deliver(client, trigger, "{}", signing.slack(SECRET, "{}"));
    assertError(paused, "TRIGGER_PAUSED");
    await updateTrigger(client, trigger, { paused: false });
    ok(await deliver(client, trigger, "{}", signing.slack(SECRET, "{}")));
    const deliveries = await deliveriesOf(client, trigger);
    assert.deepEqual(deliveries.map(({ status }) => status.slice(16)), [
      "STARTED",
      "REFUSED",
      "REFUSED",
      "REFUSED",
    ]);
    const { lastRun } = ok(await client.get(`${triggersOf(functionId)}/${trigger.id}`)).trigger;
    assert.equal(lastRun.invocationId, deliveries[0].invocationId);
  },

  "two secrets are accepted while one is rotated": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createWebhook(client, functionId, { github: { secret: "old" } });
    const path = `${triggersOf(functionId)}/${trigger.id}/rotate_secret`;
    ok(await client.post(path, { secret: "new", expireOldAfter: "3600s" }));
    for (const secret of ["old", "new"]) {
      ok(await deliver(client, trigger, "{}", signing.github(secret, "{}")));
    }
    ok(await client.post(path, { secret: "newest", expireOldAfter: "0s" }));
    for (const secret of ["old", "new"]) {
      const answer = await deliver(client, trigger, "{}", signing.github(secret, "{}"));
      assertError(answer, "WEBHOOK_NOT_PROVED");
    }
    ok(await deliver(client, trigger, "{}", signing.github("newest", "{}")));
    assertError(await client.post(path, { secret: "" }), "INVALID_FIELD", /must not be empty/);
  },

  "Slack's challenge and Discord's ping are answered, and start nothing": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const slack = await createWebhook(client, functionId, { slack: { secret: SECRET } });
    const challenge = '{"type": "url_verification", "challenge": "c1"}';
    const signed = signing.slack(SECRET, challenge);
    const answer = await deliver(client, slack.trigger, challenge, signed);
    assert.deepEqual(ok(answer), { challenge: "c1" });
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
    const discord = await createWebhook(client, functionId, {
      discord: { publicKey: key.toString("hex").toUpperCase() },
    });
    const ping = '{"type": 1, "id": "1"}';
    const pong = await deliver(client, discord.trigger, ping, signing.discord(privateKey, ping));
    assert.deepEqual(ok(pong), { type: 1 });
    const event = '{"type": 0, "version": 1, "application_id": "1"}';
    const proof = signing.discord(privateKey, event);
    const ofEvents = await deliver(client, discord.trigger, event, proof);
    assert.deepEqual([ofEvents.status, ofEvents.body], [204, ""]);
    assertError(await deliver(client, slack.trigger, challenge, {}), "WEBHOOK_NOT_PROVED");
    const invocations = ok(await client.get(`/api/v1/functions/${functionId}/invocations`)).list;
    assert.deepEqual(invocations, []);
    // A webhook event has the type of the ping of interactions.
    const authorized = '{"type": 1, "event": {"type": "APPLICATION_AUTHORIZED"}}';
    const headers = {
      "content-type": "application/json",
      ...signing.discord(privateKey, authorized),
    };
    const taken = await deliver(client, discord.trigger, authorized, headers);
    assert.deepEqual([taken.status, taken.body], [204, ""]);
    const { output } = await onlyInvocation(client, discord.trigger);
    assert.deepEqual(output.input.payload.event, { type: "APPLICATION_AUTHORIZED" });
  },

  "a repeat is answered although the limits of the function let nothing start": async (
    { client },
  ) => {
    const functionId = await client.deploy("export default () => ({ done: true });");
    const rateLimit = { calls: 1, period: "86400s" };
    ok(await client.update(functionId, { rateLimit }, "rateLimit"));
    const { trigger } = await createWebhook(client, functionId, {
      github: { secret: SECRET },
      response: "WEBHOOK_RESPONSE_FUNCTION",
    });
    const headers = signing.github(SECRET, "{}", { id: randomUUID() });
    assert.deepEqual(ok(await deliver(client, trigger, "{}", headers)), { done: true });
    assert.deepEqual(ok(await deliver(client, trigger, "{}", headers)), {});
    assertError(await deliver(client, trigger, "{}", signing.github(SECRET, "{}")), "RATE_LIMITED");
  },

  "a listener of a deleted trigger, or of a function without code, starts nothing": async (
    { client },
  ) => {
    const { function: { id: functionId } } = await client.createFunction("empty");
    const { trigger } = await createWebhook(client, functionId, { github: { secret: SECRET } });
    const unpublished = await deliver(client, trigger, "{}", signing.github(SECRET, "{}"));
    assertError(unpublished, "NO_PUBLISHED_COMMIT");
    const [delivery] = await deliveriesOf(client, trigger);
    assert.match(delivery.reason, /no published commit/);
    ok(await client.call("DELETE", `${triggersOf(functionId)}/${trigger.id}`, {}));
    const gone = await deliver(client, trigger, "{}", signing.github(SECRET, "{}"));
    assertError(gone, "WEBHOOK_NOT_PROVED");
  },

  "of many deliveries of one event at the same time one starts an invocation": async (
    { client },
  ) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createWebhook(client, functionId, { github: { secret: SECRET } });
    const headers = signing.github(SECRET, "{}", { id: randomUUID() });
    const answers = await atOnce(10, () => deliver(client, trigger, "{}", headers));
    assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
    await onlyInvocation(client, trigger);
  },

  "an invocation has the volume of its trigger, and the rights of its function": async (
    { client },
  ) => {
    const functionId = await client.deploy(`
      import { sdk, vfs } from "@c1/functions-sdk";
      export default async ({ payload }) => {
        await vfs.writeTextFile("/event.txt", payload.text);
        const made = sdk.functions.createFunction({ displayName: "made" });
        const { statusCode } = await made.catch((error) => error);
        return { statusCode };
      };`);
    const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "events" }));
    const { trigger } = await createTrigger(client, functionId, {
      vfsId: volume.id,
      webhook: { github: { secret: SECRET } },
    });
    const body = '{"text": "kept"}';
    const headers = { "content-type": "application/json", ...signing.github(SECRET, body) };
    ok(await deliver(client, trigger, body, headers));
    const invocation = await onlyInvocation(client, trigger);
    assert.deepEqual([invocation.output, invocation.vfsId], [{ statusCode: 403 }, volume.id]);
    const file = await client.get(`/api/v1/vfs/volumes/${volume.id}/files/event.txt`);
    assert.equal(file.body, "kept");
    ok(await client.update(functionId, { scopedRoleIds: ["administrator"] }, "scopedRoleIds"));
    ok(await deliver(client, trigger, body, { ...headers, ...signing.github(SECRET, body) }));
    const { list } = ok(await client.get(`/api/v1/functions/${functionId}/invocations`));
    assert.deepEqual((await client.ended(functionId, list[0].id)).output, { statusCode: 200 });
  },

  "an accepted delivery has three attempts, and one that the function answers has one": async (
    { client },
  ) => {
    const functionId = await client.deploy(
      `export default ({ payload }, { attempt }) => {
        if (attempt < payload.until) throw new Error("not yet");
        return { attempt };
      };`,
    );
    const invocationOf = async (webhook: Json, until: number) => {
      const { trigger } = await createWebhook(client, functionId, {
        github: { secret: SECRET },
        ...webhook,
      });
      const body = JSON.stringify({ until });
      const headers = { "content-type": "application/json", ...signing.github(SECRET, body) };
      const { status } = await deliver(client, trigger, body, headers);
      return { status, invocation: await onlyInvocation(client, trigger) };
    };
    const accepted = await invocationOf({}, 3);
    assert.equal(accepted.status, 200);
    assert.deepEqual([accepted.invocation.attempt, accepted.invocation.maxAttempts], [3, 3]);
    assert.deepEqual(accepted.invocation.output, { attempt: 3 });
    assert.match(accepted.invocation.attempts[0].error, /^UNCAUGHT: Error: not yet/);
    const answered = await invocationOf({ response: "WEBHOOK_RESPONSE_FUNCTION" }, 2);
    assert.equal(answered.status, 500);
    assert.deepEqual([answered.invocation.attempt, answered.invocation.maxAttempts], [1, 1]);
  },
});
