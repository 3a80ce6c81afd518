/** Requests to the addresses of webhooks other than deliveries: handshakes, and what strangers try. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Answer, Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { deliveriesOf } from "./deliveries.ts";
import { createTrigger, createWebhook, triggersOf, updateTrigger } from "./support.ts";

const TOKEN = "a token & of Meta";
const META = "WEBHOOK_HANDSHAKE_META";
const DROPBOX = "WEBHOOK_HANDSHAKE_DROPBOX";
const PING = "WEBHOOK_HANDSHAKE_PING";

const pathOf = ({ webhook: { listenerId } }: Json) => `/api/v1/webhooks/incoming/${listenerId}`;

/** A request of a stranger. */
function ask(
  client: Client,
  method: string,
  path: string,
  query: Json = {},
): Promise<Answer<Json>> {
  const text = new URLSearchParams(query).toString();
  return new Client(client.url, undefined).call(method, text === "" ? path : `${path}?${text}`);
}

const metaQuery = (change: Json = {}) => ({
  "hub.mode": "subscribe",
  "hub.verify_token": TOKEN,
  "hub.challenge": "1158201444",
  ...change,
});

/** What a client can see of an answer, without what differs from one request to the next. */
function seen({ status, headers, body }: Answer<Json>): Json {
  const ofRequest = ["date", "request-id"];
  return { status, headers: [...headers].filter(([name]) => !ofRequest.includes(name)), body };
}

/** Checks that an answer is that of an address without a webhook. */
async function assertUnknown(
  client: Client,
  method: string,
  answer: Answer<Json>,
  why: string,
): Promise<void> {
  const unknown = await ask(client, method, `/api/v1/webhooks/incoming/${"u".repeat(27)}`);
  assert.equal(answer.status, 405, why);
  assert.deepEqual(seen(answer), seen(unknown), why);
}

async function plainText(client: Client, path: string, query: Json, text: string): Promise<void> {
  for (const method of ["GET", "HEAD"]) {
    const { status, headers, body } = await ask(client, method, path, query);
    assert.deepEqual([status, body], [200, method === "GET" ? text : ""], `${method} ${path}`);
    assert.match(headers.get("content-type") ?? "", /^text\/plain;/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    assert.equal(headers.get("cache-control"), "no-store");
  }
}

async function meta({ client }: Stage): Promise<void> {
  const functionId = await client.deploy(MAIN);
  const header = { name: "X-Hub-Signature-256", prefix: "sha256=" };
  const { trigger } = await createWebhook(client, functionId, {
    header,
    handshake: META,
    verifyToken: TOKEN,
  });
  assert.equal(trigger.webhook.handshake, META);
  const path = pathOf(trigger);
  await plainText(client, path, metaQuery(), "1158201444");
  const longest = "a".repeat(256);
  await plainText(client, path, metaQuery({ "hub.challenge": longest }), longest);
  const wrong: readonly Json[] = [
    {},
    metaQuery({ "hub.verify_token": "a token" }),
    metaQuery({ "hub.verify_token": `${TOKEN} ` }),
    metaQuery({ "hub.verify_token": "" }),
    metaQuery({ "hub.mode": "unsubscribe" }),
    metaQuery({ "hub.challenge": "" }),
    metaQuery({ "hub.challenge": `${longest}a` }),
    metaQuery({ "hub.challenge": "<script>alert(1)</script>" }),
    metaQuery({ "hub.challenge": "a\r\nSet-Cookie: a=b" }),
    [...Object.entries(metaQuery()), ["hub.challenge", "2"]],
  ];
  for (const query of wrong) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(client, method, path, query);
      await assertUnknown(client, method, answer, JSON.stringify(query));
    }
  }
  const withToken = await ask(client, "GET", `${path}/t/x`, metaQuery());
  await assertUnknown(client, "GET", withToken, "a token in the path");
  const reasons = (await deliveriesOf(client, trigger)).map(({ reason }) => reason);
  assert.ok(reasons.includes("handshake: hub.verify_token is not the verifyToken of the trigger"));
  assert.ok(reasons.length <= 20, "a flood is not recorded");
  await updateTrigger(client, trigger, { paused: true });
  await plainText(client, path, metaQuery(), "1158201444");
  const invocations = ok(await client.get(`/api/v1/functions/${functionId}/invocations`)).list;
  assert.deepEqual(invocations, []);
}

async function others({ client }: Stage): Promise<void> {
  const functionId = await client.deploy(MAIN);
  const create = async (webhook: Json) => await createWebhook(client, functionId, webhook);
  const dropbox = await create({ header: { name: "X-Dropbox-Signature" }, handshake: DROPBOX });
  await plainText(client, pathOf(dropbox.trigger), { challenge: "k_-9~.A=" }, "k_-9~.A=");
  const none = await ask(client, "GET", pathOf(dropbox.trigger));
  await assertUnknown(client, "GET", none, "no challenge");

  const { trigger, webhookCapabilityUrl } = await create({ capabilityUrl: {}, handshake: PING });
  await plainText(client, webhookCapabilityUrl, { any: "thing" }, "");
  for (
    const path of [pathOf(trigger), `${pathOf(trigger)}/t/x`, webhookCapabilityUrl.slice(0, -1)]
  ) {
    await assertUnknown(client, "GET", await ask(client, "GET", path), path);
  }
  const far = await create({ github: {}, handshake: PING, allowSourceCidrs: ["192.0.2.0/24"] });
  await assertUnknown(client, "GET", await ask(client, "GET", pathOf(far.trigger)), "an address");
  const off = await updateTrigger(
    client,
    trigger,
    { webhook: { handshake: "WEBHOOK_HANDSHAKE_UNSPECIFIED" } },
    "webhook.handshake",
  );
  assert.equal("handshake" in off.webhook, false);
  await assertUnknown(
    client,
    "GET",
    await ask(client, "GET", webhookCapabilityUrl),
    "no handshake",
  );
}

async function methods({ client }: Stage): Promise<void> {
  const functionId = await client.deploy(MAIN);
  const create = async (more: Json) => await createTrigger(client, functionId, more);
  const { trigger } = await create({ webhook: { github: {} } });
  const paused = await create({ webhook: { github: {} }, paused: true });
  const shaken = await create({ webhook: { github: {}, handshake: PING } });
  const { webhookCapabilityUrl } = await create({ webhook: { capabilityUrl: {} } });
  const addresses = [
    ...[pathOf(trigger), pathOf(paused.trigger), webhookCapabilityUrl, `${pathOf(trigger)}/`],
    ...["x", "x/t/y", "x/t/", "x/y/z", "%00", "a".repeat(2_000)]
      .map((end) => `/api/v1/webhooks/incoming/${end}`),
  ];
  const others = ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
  for (const method of [...others, "GET", "HEAD"]) {
    for (
      const path of others.includes(method) ? [...addresses, pathOf(shaken.trigger)] : addresses
    ) {
      const answer = await ask(client, method, path);
      await assertUnknown(client, method, answer, `${method} ${path}`);
      assert.equal(answer.headers.get("allow"), "POST");
      if (method === "HEAD") continue;
      assertError(answer, "METHOD_NOT_ALLOWED", /send POST/);
    }
  }
  const withToken = await client.call("PUT", pathOf(trigger), {});
  assert.deepEqual(seen(withToken), seen(await ask(client, "PUT", pathOf(trigger))));
}

async function verifyTokens({ client, server }: Stage): Promise<void> {
  const functionId = await client.deploy(MAIN);
  const verifyToken = `verify-${crypto.randomUUID()}`;
  const bad = async (webhook: Json, message: RegExp, field = "verifyToken") => {
    const trigger = { displayName: "bad", webhook: { github: {}, ...webhook } };
    assertInvalid(
      await client.post(triggersOf(functionId), { trigger }),
      `trigger.webhook.${field}`,
      message,
    );
  };
  await bad({ handshake: META }, /must be given with WEBHOOK_HANDSHAKE_META/);
  await bad({ handshake: META, verifyToken: "" }, /must not be empty/);
  await bad({ handshake: META, verifyToken: "a".repeat(1025) }, /1,024/);
  for (const handshake of [DROPBOX, PING, undefined]) {
    await bad({ handshake, verifyToken }, /must be absent: only WEBHOOK_HANDSHAKE_META has one/);
  }
  await bad({ handshake: "WEBHOOK_HANDSHAKE_X" }, /must be one of/, "handshake");

  const { trigger } = await createWebhook(client, functionId, {
    github: { secret: "s" },
    handshake: META,
    verifyToken,
  });
  const path = `${triggersOf(functionId)}/${trigger.id}`;
  const isAccepted = async (token: string) =>
    (await ask(client, "GET", pathOf(trigger), metaQuery({ "hub.verify_token": token }))).status ===
      200;
  assert.ok(await isAccepted(verifyToken));
  const kept: readonly (readonly [Json, string | undefined])[] = [
    [{ webhook: { maxBytes: 1000 } }, undefined],
    [{ webhook: { github: { secret: "t" }, handshake: META } }, "webhook"],
    [{ webhook: { slack: {} } }, "webhook.slack"],
    [{ webhook: { handshake: META } }, "webhook.handshake"],
  ];
  for (const [change, mask] of kept) {
    await updateTrigger(client, trigger, change, mask);
    assert.ok(await isAccepted(verifyToken), JSON.stringify(change));
  }
  await updateTrigger(client, trigger, { webhook: { verifyToken: "second" } });
  assert.deepEqual([await isAccepted(verifyToken), await isAccepted("second")], [false, true]);
  const without = await client.call("PATCH", path, { trigger: { webhook: { handshake: PING } } });
  assert.equal(ok(without).trigger.webhook.handshake, PING);
  const again = await client.call("PATCH", path, { trigger: { webhook: { handshake: META } } });
  assertInvalid(again, "trigger.webhook.verifyToken");
  await updateTrigger(client, trigger, { webhook: { handshake: META, verifyToken } });

  assert.ok(!JSON.stringify(ok(await client.get(triggersOf(functionId)))).includes(verifyToken));
  using database = new DatabaseSync(join(server.dataDir, "invoked.db"), { readOnly: true });
  const [row] = database.prepare("select * from triggers where id = ?").all(trigger.id);
  assert.ok(row?.["sealed_verify_token"] instanceof Uint8Array);
  for (const value of Object.values(row ?? {})) {
    const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
    assert.ok(!text.includes(verifyToken), "the token is stored as it is");
  }
}

sharedSuite("requests to the addresses of webhooks", {
  "Meta's handshake is answered for the verify token, and only for it": meta,
  "Dropbox gets its challenge, a ping 200, and only at the whole address": others,
  "other methods get one answer, whether the webhook exists or not": methods,
  "a verify token is needed by Meta's handshake alone, kept, replaced and never read": verifyTokens,
});
