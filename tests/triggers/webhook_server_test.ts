/** Webhooks of a server with settings of its own: key sets, rates, time limits, networks. */
import assert from "node:assert/strict";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { atOnce } from "../support/at_once.ts";
import { Client, type Json } from "../support/client.ts";
import { settings, start } from "../retries/support.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { KeyHost } from "./key_host.ts";
import { github } from "./signing.ts";
import { createWebhook, ECHO, triggersOf } from "./support.ts";

const BODY = '{"a": 1}';
/** Tokens by a key that their sender does not publish. */
const UNKNOWN_KEYS = 12;

/** A signer of C1's tokens with a key of its own. */
async function signer(algorithm: string, keyId?: string) {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const named = keyId === undefined ? {} : { kid: keyId };
  const jwk = { ...await exportJWK(publicKey), ...named, alg: algorithm };
  const token = (claims: Json) =>
    new SignJWT(claims).setProtectedHeader({ alg: algorithm, ...named }).sign(privateKey);
  return { jwk, token };
}

Deno.test("tokens of C1 are verified by the key set of their sender", async (t) => {
  await using host = new KeyHost();
  const server = await sharedServer("egress");
  const client = await server.client();
  const stranger = new Client(server.url, undefined);
  const functionId = await client.deploy(ECHO);
  const [first, second] = [await signer("ES256", "1"), await signer("EdDSA", "2")];
  host.keys = [first.jwk];
  const { trigger } = await createWebhook(client, functionId, {
    jwt: { jwksUrl: host.url("/keys") },
  });
  const endpoint = `${server.url}/api/v1/webhooks/incoming/${trigger.webhook.listenerId}`;
  const claims = (change: Json = {}): Json => ({
    sub: server.url,
    aud: endpoint,
    exp: Math.floor(Date.now() / 1000) + 300,
    jti: randomUUID(),
    htm: "POST",
    htb_s256: createHash("sha256").update(BODY).digest("base64url"),
    ...change,
  });
  const send = (token: string, headers = {}, to = endpoint) =>
    stranger.call("POST", to, BODY, { Authorization: `Bearer ${token}`, ...headers });

  await t.step(
    "a right one starts an invocation, which does not see it; a repeat is 409",
    async () => {
      const token = await first.token(claims());
      assert.deepEqual(ok(await send(token)), {});
      assertError(await send(token), "WEBHOOK_REPEATED");
      const { list } = ok(await client.get(`${triggersOf(functionId)}/${trigger.id}/deliveries`));
      const invocation = await client.ended(functionId, list.at(-1).invocationId);
      assert.equal(invocation.output.input.headers.authorization, undefined);
      assert.equal(host.reads, 1, "the key set is kept");
    },
  );

  await t.step("a wrong claim, key or method is rejected", async () => {
    const soon = Math.floor(Date.now() / 1000);
    const wrong = [
      { sub: "http://other" },
      { aud: `${endpoint}x` },
      { exp: soon - 60 },
      { exp: soon + 700 },
      { jti: undefined },
      { htm: "GET" },
      { htb_s256: createHash("sha256").update("{}").digest("base64url") },
    ];
    for (const change of wrong) {
      assertError(await send(await first.token(claims(change))), "WEBHOOK_NOT_PROVED");
    }
    const unknown = await atOnce(UNKNOWN_KEYS, () => second.token(claims()));
    for (const token of ["x", client.token ?? "", ...unknown]) {
      assertError(await send(token), "WEBHOOK_NOT_PROVED");
    }
    const other = { "Webhook-Event-Id": randomUUID() };
    assertError(await send(await first.token(claims()), other), "WEBHOOK_INVALID");
    assert.ok(host.reads < UNKNOWN_KEYS, `${host.reads} reads, as if each unknown key were one`);
  });

  await t.step("of two keys without a name either may sign", async () => {
    const [former, latter] = [await signer("ES256"), await signer("ES256")];
    host.keys = [former.jwk, latter.jwk];
    const { trigger: rotated } = await createWebhook(client, functionId, {
      jwt: { jwksUrl: host.url("/rotated") },
    });
    const to = endpoint.replace(trigger.webhook.listenerId, rotated.webhook.listenerId);
    for (const { token } of [former, latter]) {
      assert.deepEqual(ok(await send(await token(claims({ aud: to })), {}, to)), {});
    }
    const foreign = await (await signer("ES256")).token(claims({ aud: to }));
    assertError(await send(foreign, {}, to), "WEBHOOK_NOT_PROVED");
  });

  await t.step("a key set that cannot be read starts nothing, and the list says why", async () => {
    const reasons: Record<string, RegExp> = {
      [host.url("/large")]: /more than 64 KiB/,
      [host.url("/moved")]: /status is 302/,
      "https://192.0.2.1/keys": /is not public/,
    };
    for (const [jwksUrl, reason] of Object.entries(reasons)) {
      const { trigger: bad } = await createWebhook(client, functionId, { jwt: { jwksUrl } });
      const to = endpoint.replace(trigger.webhook.listenerId, bad.webhook.listenerId);
      assertError(await send(await first.token(claims({ aud: to })), {}, to), "WEBHOOK_NOT_PROVED");
      const { list } = ok(await client.get(`${triggersOf(functionId)}/${bad.id}/deliveries`));
      assert.match(list[0].reason, reason);
    }
  });
});

const SIGNED = (body: string) => ({
  "X-Hub-Signature-256": `sha256=${createHmac("sha256", "s").update(body).digest("hex")}`,
});

Deno.test("rates, time limits and networks of a server", async (t) => {
  const flags = ["--webhook-rate", "5", "--webhook-timeout", "3s", "--max-webhook", "64KiB"]
    .concat("--trusted-proxies", "127.0.0.0/8", "--log-level", "info");
  await using server = await TestServer.start({ flags });
  const client = await server.client();
  const stranger = new Client(server.url, undefined);
  const functionId = await client.deploy(
    "export default () => new Promise((end) => setTimeout(end, 60_000));\n",
  );
  const { trigger } = await createWebhook(client, functionId, {
    github: { secret: "s" },
    response: "WEBHOOK_RESPONSE_FUNCTION",
    allowSourceCidrs: ["192.0.2.0/24", "2001:db8::/32"],
  });
  const deliver = (from: string, body = "{}", headers: Json = SIGNED(body)) =>
    stranger.call("POST", `/api/v1/webhooks/incoming/${trigger.webhook.listenerId}`, body, {
      "X-Forwarded-For": from,
      ...headers,
    });

  await t.step("the address is that which a trusted proxy reports", async () => {
    assertError(await deliver("192.0.3.1"), "WEBHOOK_ADDRESS");
  });

  await t.step("a function that takes too long is cancelled, and its sender gets 504", async () => {
    const late = await deliver("2001:db8::1");
    assert.deepEqual([late.status, late.body.code], [504, 4]);
    assert.equal(late.body.details[0].reason, "WEBHOOK_TIMEOUT");
    const path = `/api/v1/functions/${functionId}/invocations`;
    const { list: [invocation] } = ok(await client.get(path));
    assert.match((await client.ended(functionId, invocation.id)).error, /^CANCELLED:/);
  });

  await t.step(
    "a delivery whose invocation could not start in time starts none later",
    async () => {
      const body = (n: number) => JSON.stringify({ n, key: "same" });
      await settings(client, functionId, { concurrencyKey: "/payload/key" });
      const path = `/api/v1/functions/${functionId}/invocations`;
      const holder = await start(client, functionId, { payload: { key: "same" } });
      const before = ok(await client.get(path)).list.length;
      const late = await deliver("192.0.2.40", body(1));
      assert.equal(late.status, 504);
      assert.match(late.body.message, /^No invocation could start within the limit of 3 s/);
      ok(await client.post(`${path}/${holder}/cancel`, {}));
      await client.ended(functionId, holder);
      const next = await deliver("192.0.2.41", body(2));
      assert.match(next.body.message, /^Invocation \S+ took longer/);
      assert.equal(ok(await client.get(path)).list.length, before + 1);
      const { list } = ok(await client.get(`${triggersOf(functionId)}/${trigger.id}/deliveries`));
      assert.match(list[1].reason, /No invocation could start/);
      await settings(client, functionId, { concurrencyKey: "" });
    },
  );

  await t.step(
    "an event whose invocation did not start in time may be delivered again",
    async () => {
      await settings(client, functionId, { maxConcurrency: 1 });
      const path = `/api/v1/functions/${functionId}/invocations`;
      const holder = await start(client, functionId);
      await eventually(async () =>
        (await client.invocation(functionId, holder)).attempt === 1 ? true : undefined
      );
      const signed = github("s", "{}", { id: "00000000-0000-4000-8000-000000000001" });
      const first = await deliver("192.0.2.50", "{}", signed);
      const [, invocationId = ""] = /^Invocation (\w+) took longer/.exec(first.body.message) ?? [];
      assert.match((await client.ended(functionId, invocationId)).error, /before it started/);
      ok(await client.post(`${path}/${holder}/cancel`, {}));
      await client.ended(functionId, holder);
      await settings(client, functionId, { maxConcurrency: 0 });
      const again = await deliver("192.0.2.51", "{}", signed);
      assert.equal(again.status, 504);
      assert.doesNotMatch(again.body.message, new RegExp(invocationId));
      const { list } = ok(await client.get(`${triggersOf(functionId)}/${trigger.id}/deliveries`));
      const rejected = list.find((delivery: Json) => delivery.invocationId === invocationId);
      assert.deepEqual([rejected.status, rejected.reason], [
        "DELIVERY_STATUS_REFUSED",
        "its invocation did not start",
      ]);
      await eventually(
        async () => (await deliver("192.0.2.52", "{}", signed)).status === 200 ? true : undefined,
        "a repeat of an event whose invocation has run",
      );
    },
  );

  await t.step("a body above the limit of all webhooks is 413 for everybody", async () => {
    const large = await deliver("192.0.2.9", "x".repeat(65_537), {});
    assertError(large, "WEBHOOK_TOO_LARGE", /--max-webhook/);
  });

  await t.step("an address sends at most so many, before anything is read", async () => {
    const rejected = await eventually(async () => {
      const answers = await atOnce(30, () => deliver("192.0.2.7", "{}", {}));
      const rejected = answers.filter(({ status }) => status === 429);
      assert.ok(rejected.length < 30, `${rejected.length} were rejected`);
      // A slow machine may send them no faster.
      return rejected.length > 0 ? rejected : undefined;
    }, "more deliveries than the rate allows");
    for (const answer of rejected) {
      assertError(answer, "RATE_LIMITED", /--webhook-rate/);
      assert.ok(Number(answer.headers.get("retry-after")) >= 1);
    }
  });

  await t.step("strangers do not fill the list", async () => {
    for (let n = 0; n < 4; n++) {
      await atOnce(5, (at) => deliver(`192.0.2.${10 * n + at + 100}`, "{}", {}));
    }
    const path = `${triggersOf(functionId)}/${trigger.id}/deliveries?page_size=100`;
    const rejected = ok(await client.get(path)).list.filter(({ status, reason }: Json) =>
      status === "DELIVERY_STATUS_REFUSED" && /missing/.test(reason)
    );
    assert.ok(rejected.length <= 20, `${rejected.length} were recorded`);
  });

  await t.step("the log has no token of a path", async () => {
    const made = await createWebhook(client, functionId, { capabilityUrl: {} });
    await stranger.post(made.webhookCapabilityUrl, {}, { "X-Forwarded-For": "192.0.2.200" });
    await server.stop();
    const log = await server.log;
    assert.ok(!log.includes(made.webhookCapabilityUrl.split("/t/")[1]));
    assert.match(log, new RegExp(`${made.trigger.webhook.listenerId}/t/\\.\\.\\.`));
  });
});
