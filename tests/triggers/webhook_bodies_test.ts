/** What a delivery carries to its function, and what the function answers. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { deliver, deliveriesOf, onlyInvocation } from "./deliveries.ts";
import * as signing from "./signing.ts";
import { createWebhook, ECHO, triggersOf } from "./support.ts";

const SECRET = "a secret of the sender";

sharedSuite("deliveries of webhooks", {
  "a token in a header proves its sender, and does not reach the function": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const encoding = "SIGNATURE_ENCODING_PLAIN";
    const header = { name: "X-Gitlab-Token", encoding };
    const made = await createWebhook(client, functionId, {
      header,
      eventIdHeader: "X-Gitlab-Event-UUID",
    });
    const { trigger, webhookSecret } = made;
    assert.match(webhookSecret, /^[0-9a-f]{64}$/);
    assert.deepEqual(trigger.webhook.header, { ...header, prefix: "" });
    const id = randomUUID();
    const sent = { "x-gitlab-token": webhookSecret, "X-Gitlab-Event-UUID": id };
    for (const _ of [1, 2]) assert.deepEqual(ok(await deliver(client, trigger, "{}", sent)), {});
    const invocation = await onlyInvocation(client, trigger);
    assert.equal(invocation.output.input.headers["x-gitlab-event-uuid"], id);
    assert.ok(!JSON.stringify(invocation).includes(webhookSecret));
    const wrong = [webhookSecret.toUpperCase(), webhookSecret.slice(1), ""];
    for (const token of wrong) {
      const answer = await deliver(client, trigger, "{}", { "X-Gitlab-Token": token });
      assertError(answer, "WEBHOOK_NOT_PROVED");
    }
    const path = `${triggersOf(functionId)}/${trigger.id}`;
    const signed = await client.call("PATCH", path, {
      trigger: { webhook: { header: { name: "X-Sig" } } },
    });
    assert.match(ok(signed).webhookSecret, /^[0-9a-f]{64}$/, "no secret was both shown and signed");
    assert.notEqual(signed.body.webhookSecret, webhookSecret);
  },

  "a body that is not of its type is rejected, once its sender is proved": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const capability = await createWebhook(client, functionId, { capabilityUrl: {} });
    const stranger = new Client(client.url, undefined);
    const url = capability.webhookCapabilityUrl;
    const post = (to: string, body: string, type: string) =>
      stranger.call("POST", to, body, { "content-type": type });
    const halves = [
      [
        '{"a": 1',
        'application/json; charset="utf-8"',
        /its body of 7 B is not valid JSON in UTF-8, which its/,
      ],
      [
        "{",
        "application/vnd.api+json; charset=utf-8",
        /Content-Type application\/vnd\.api\+json r/,
      ],
      ["--y", "multipart/form-data; boundary=x", /is not a whole form/],
      [
        '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x\r\nContent-',
        'multipart/form-data; Boundary="x"',
        /is not a whole form/,
      ],
    ] as const;
    for (const [body, type, message] of halves) {
      assertError(await post(url, body, type), "WEBHOOK_INVALID", message);
      assertError(await post(url.slice(0, -1), body, type), "WEBHOOK_NOT_PROVED");
    }
    const bytes = Uint8Array.of(0x22, 0xff, 0x22);
    const latin = await stranger.call("POST", url, bytes, { "content-type": "application/json" });
    assertError(latin, "WEBHOOK_INVALID");
    for (const [body, type] of [["", "application/json"], ["{", "text/plain"]] as const) {
      assert.deepEqual(ok(await post(url, body, type)), {}, type);
    }
    const coded = [
      [gzipSync("{}"), { "content-type": "application/json", "content-encoding": "gzip" }],
      [Uint8Array.of(0x22, 0xe9, 0x22), { "content-type": "application/json; charset=latin1" }],
    ] as const;
    for (const [sent, headers] of coded) {
      assert.deepEqual(ok(await stranger.call("POST", url, sent, headers)), {});
    }
    const deliveries = await deliveriesOf(client, capability.trigger);
    assert.equal(deliveries.filter(({ status }) => /STARTED/.test(status)).length, 4);
    assert.ok(deliveries.some(({ reason = "" }) => /not valid JSON in UTF-8/.test(reason)));

    const { trigger } = await createWebhook(client, functionId, { slack: { secret: SECRET } });
    const json = { "content-type": "application/json" };
    const half = '{"type": "url_verification", "challenge": "c';
    const signed = await deliver(client, trigger, half, {
      ...signing.slack(SECRET, half),
      ...json,
    });
    assertError(signed, "WEBHOOK_INVALID", /not valid JSON/);
    assertError(await deliver(client, trigger, half, json), "WEBHOOK_NOT_PROVED");
  },

  "a token of the server reaches no function, another credential does": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger } = await createWebhook(client, functionId, { github: { secret: SECRET } });
    const shown = async (authorization: string) => {
      const headers = { ...signing.github(SECRET, "{}"), authorization, "x-shown": "yes" };
      ok(await deliver(client, trigger, "{}", headers));
      const [{ invocationId }] = await deliveriesOf(client, trigger);
      const { input } = (await client.ended(functionId, invocationId)).output;
      assert.equal(input.headers["x-shown"], "yes");
      return input.headers.authorization;
    };
    assert.equal(await shown(`Bearer ${client.token}`), undefined);
    assert.equal(await shown(`token ${client.token}`), undefined);
    assert.equal(await shown("Basic YTpi"), "Basic YTpi");
  },

  "a form is parsed, other bytes come as they are, credentials do not": async ({ client }) => {
    const functionId = await client.deploy(ECHO);
    const { trigger, webhookCapabilityUrl } = await createWebhook(client, functionId, {
      capabilityUrl: {},
      maxBytes: 1024 * 1024,
    });
    const inputFor = async (body: string | Uint8Array, headers: signing.Headers) => {
      const url = `${webhookCapabilityUrl}?a=1&a=2&camelCase=%20x`;
      ok(await new Client(client.url, undefined).call("POST", url, body, headers));
      const [{ invocationId }] = await deliveriesOf(client, trigger);
      return (await client.ended(functionId, invocationId)).output.input;
    };
    const form = await inputFor("text=%2Fx&tag=a&tag=b", {
      "content-type": "application/x-www-form-urlencoded",
      Cookie: "session=1",
    });
    assert.deepEqual(form.payload, { text: "/x", tag: ["a", "b"] });
    assert.deepEqual(form.query, { a: ["1", "2"], camelCase: " x" });
    assert.equal(form.headers.cookie, undefined);
    const many = "a&".repeat(500_000);
    const list = await inputFor(many, { "content-type": "application/x-www-form-urlencoded" });
    assert.equal(list.payload.a.length, 500_000);
    const file = 'filename="a.txt"\r\nContent-Type: text/plain';
    const fields = ['name="text"\r\n\r\nhé', `name="file"; ${file}\r\n\r\nabc`];
    const parts = fields.map((each) => `--x\r\nContent-Disposition: form-data; ${each}\r\n`);
    const multipart = { "content-type": "multipart/form-data; boundary=x" };
    const inParts = await inputFor(`${parts.join("")}--x--\r\n`, multipart);
    assert.deepEqual(inParts.payload, {
      text: "hé",
      file: { name: "a.txt", type: "text/plain", size: 3 },
    });
    const bytes = Uint8Array.of(0xff, 0xfe, 0, 1);
    const raw = await inputFor(bytes, { "content-type": "application/octet-stream" });
    assert.equal("payload" in raw, false);
    assert.deepEqual(Uint8Array.fromBase64(raw.body), bytes);
  },

  "a function answers the sender, within the rules of the server's origin": async ({ client }) => {
    const functionId = await client.deploy(`
      export default ({ payload }) => {
        if (payload.fail) throw new Error("no");
        if (payload.plain) return { ok: true };
        return payload;
      };`);
    const { trigger } = await createWebhook(client, functionId, {
      github: { secret: SECRET },
      response: "WEBHOOK_RESPONSE_FUNCTION",
    });
    const send = (value: Json) => {
      const body = JSON.stringify(value);
      const headers = { "content-type": "application/json", ...signing.github(SECRET, body) };
      return deliver(client, trigger, body, headers);
    };
    assert.deepEqual(ok(await send({ plain: true })), { ok: true });
    const page = await send({
      status: 201,
      headers: {
        "Content-Type": "text/html",
        "Set-Cookie": "a=b",
        "Strict-Transport-Security": "max-age=1",
        "Service-Worker-Allowed": "/",
        "Clear-Site-Data": "*",
        "Request-Id": "of-the-function",
        "X-Accel-Redirect": "/internal",
        "Surrogate-Control": 'content="ESI/1.0"',
        "Secure-Session-Registration": "(ES256)",
        "Accept-CH": "Sec-CH-UA",
        "Set-Login": "logged-in",
        "X-Content-Type-Options": "no",
        "Content-Security-Policy": "script-src *",
        "X-Own": "1",
      },
      body: "<p>",
    });
    assert.deepEqual([page.status, page.body], [201, "<p>"]);
    const { headers } = page;
    assert.equal(headers.get("content-type"), "text/html");
    assert.equal(headers.get("x-own"), "1");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /sandbox allow-scripts allow-forms$/);
    const removed = ["set-cookie", "strict-transport-security", "service-worker-allowed"];
    const commands = ["x-accel-redirect", "surrogate-control", "secure-session-registration"];
    const ofOrigin = ["clear-site-data", "accept-ch", "set-login"];
    for (const name of [...removed, ...commands, ...ofOrigin]) {
      assert.equal(headers.get(name), null, name);
    }
    assert.notEqual(headers.get("request-id"), "of-the-function");
    assert.equal((await send({ status: 204, body: "" })).status, 204);
    for (
      const value of [{ fail: true }, { status: 99 }, { status: 200, headers: { "a b": "1" } }]
    ) {
      const failed = await send(value);
      const { status, body: { details } } = failed;
      assert.deepEqual([status, details[0].reason], [500, "WEBHOOK_FUNCTION_FAILED"]);
      assert.match(failed.body.message, /^Invocation [0-9A-Za-z]{27} failed/);
    }
  },
});
