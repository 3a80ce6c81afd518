/** The examples that senders publish are verified, and nothing that differs from them. */
import assert from "node:assert/strict";
import type { WebhookMethod } from "../../src/domain/triggers/settings.ts";
import { standardSignature } from "../../src/domain/triggers/signatures/standard_webhooks.ts";
import { verifySender } from "../../src/domain/triggers/signatures/verify.ts";

interface Example {
  readonly method: WebhookMethod;
  readonly secret: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Unix time at which it was sent; 0 if the signature has no time. */
  readonly at: number;
  readonly id: string | undefined;
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
  GitHub: {
    method: { kind: "github" },
    secret: "It's a Secret to Everybody",
    body: "Hello, World!",
    headers: {
      "x-hub-signature-256":
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    },
    at: 0,
    id: undefined,
  },
  // https://docs.slack.dev/authentication/verifying-requests-from-slack
  Slack: {
    method: { kind: "slack" },
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow" +
      "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner" +
      "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands" +
      "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
      "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    headers: {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    at: 1531420618,
    id: undefined,
  },
  // Stripe publishes no secret. The signature is that of `generateTestHeaderString` of its library, stripe 23.1.0.
  Stripe: {
    method: { kind: "stripe" },
    secret: "whsec_test_secret",
    body: '{\n  "id": "evt_test_webhook",\n  "object": "event"\n}',
    headers: {
      "stripe-signature":
        "t=1492774577,v1=c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812," +
        "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39",
    },
    at: 1492774577,
    id: "evt_test_webhook",
  },
  // https://docs.svix.com/receiving/verifying-payloads/how-manual
  "Standard Webhooks": {
    method: { kind: "standardWebhooks" },
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    body: '{"test": 2432232314}',
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    at: 1614265330,
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  },
  // The same page, with the names that Svix sends.
  Svix: {
    method: { kind: "standardWebhooks" },
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    body: '{"test": 2432232314}',
    headers: {
      "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "svix-timestamp": "1614265330",
      "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    at: 1614265330,
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  },
  // https://docs.gitlab.com/user/project/integrations/webhooks/#validate-payloads-by-using-a-secret-token
  GitLab: {
    method: plain("X-Gitlab-Token"),
    secret: "a token of GitLab",
    body: '{"object_kind": "push"}',
    headers: { "x-gitlab-token": "a token of GitLab" },
    at: 0,
    id: undefined,
  },
};

function plain(name: string, prefix = ""): WebhookMethod {
  return { kind: "header", name, prefix, encoding: "SIGNATURE_ENCODING_PLAIN" };
}

async function verdictOf(
  { method, headers, body, at }: Example,
  secrets: readonly string[],
  { later = 0, tail = "" } = {},
) {
  const now = new Date(1000 * (at === 0 ? Date.now() / 1000 : at + later));
  const request = { headers, body: new TextEncoder().encode(body + tail), now };
  return await verifySender(request, method, {
    secrets,
    token: undefined,
    audience: { endpoint: "", tenant: "" },
    keySet: () => assert.fail("no key set is needed"),
  });
}

for (const [sender, example] of Object.entries(EXAMPLES)) {
  Deno.test(`the published example of ${sender} is verified`, async () => {
    const { secret } = example;
    const verdict = await verdictOf(example, [secret]);
    assert.equal(verdict.kind, "verified");
    assert.equal(verdict.kind === "verified" && verdict.event.id, example.id ?? undefined);
    assert.equal((await verdictOf(example, ["other", secret])).kind, "verified");
    assert.equal((await verdictOf(example, [`${secret.slice(0, -1)}_`])).kind, "rejected");
    assert.equal((await verdictOf(example, [])).kind, "rejected");
    // A token proves who sends, and nothing of the body.
    const changed = sender === "GitLab" ? "verified" : "rejected";
    assert.equal((await verdictOf(example, [secret], { tail: " " })).kind, changed);
  });
}

const TIMED = Object.entries(EXAMPLES).filter(([, { at }]) => at !== 0);
for (const [sender, example] of TIMED) {
  Deno.test(`the time that ${sender} signs may be 5 minutes off`, async () => {
    const { secret } = example;
    assert.equal((await verdictOf(example, [secret], { later: 300 })).kind, "verified");
    assert.equal((await verdictOf(example, [secret], { later: -300 })).kind, "verified");
    assert.equal((await verdictOf(example, [secret], { later: 301 })).kind, "invalid");
    assert.equal((await verdictOf(example, [secret], { later: -301 })).kind, "invalid");
  });
}

Deno.test("a message is signed as the published example of Standard Webhooks", () => {
  const { secret, body, headers } = EXAMPLES["Standard Webhooks"] ?? assert.fail();
  const message = { id: headers["webhook-id"] ?? "", seconds: 1614265330, body };
  assert.equal(standardSignature(secret, message), headers["webhook-signature"]);
});

Deno.test("the names of Standard Webhooks and of Svix are never mixed; the first complete set counts", async () => {
  const { headers: svix, ...example } = EXAMPLES["Svix"] ?? assert.fail();
  const standard = EXAMPLES["Standard Webhooks"]?.headers ?? assert.fail();
  const verdict = (headers: Readonly<Record<string, string>>) =>
    verdictOf({ ...example, headers }, [example.secret]);
  const { "webhook-signature": signature, ...unsigned } = standard as Record<string, string>;
  const { "svix-signature": _, ...unsignedBySvix } = svix as Record<string, string>;
  assert.equal((await verdict({ ...svix, ...unsigned })).kind, "verified");
  assert.equal((await verdict({ ...standard, ...unsignedBySvix })).kind, "verified");
  assert.equal(
    (await verdict({ ...unsignedBySvix, "webhook-signature": signature ?? "" })).kind,
    "rejected",
  );
  const other = { ...svix, ...standard, "webhook-id": "another" };
  assert.equal((await verdict(other)).kind, "rejected");
  assert.equal((await verdict({ ...standard, ...svix, "svix-id": "another" })).kind, "verified");
});

Deno.test("a token in a header may have a prefix, and must be equal in every character", async () => {
  const secret = "Secret-1";
  const sent = (value: string) => ({
    method: plain("Authorization", "Bearer "),
    secret,
    body: "{}",
    headers: { authorization: value },
    at: 0,
    id: undefined,
  });
  assert.equal((await verdictOf(sent("Bearer Secret-1"), [secret])).kind, "verified");
  for (
    const value of [
      "Secret-1",
      "Bearer secret-1",
      "Bearer Secret-1 ",
      "Bearer Secret-12",
      "Bearer ",
      "",
    ]
  ) {
    assert.equal((await verdictOf(sent(value), [secret])).kind, "rejected", value);
  }
});
