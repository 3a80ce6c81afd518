/** Webhooks by flags of the command line, and the verify tokens of their handshakes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails, Author } from "../cli/support.ts";
import type { Json } from "../support/client.ts";
import { sharedServer } from "../support/shared_server.ts";
import { ECHO, unique } from "./support.ts";

const SECRET = "a secret of the sender";

/** A deployed function that returns what it gets. */
async function deployed(name: string): Promise<Author> {
  const author = await Author.startShared(unique(name));
  await author.write("main.ts", ECHO.replace("(input,", "(input: unknown,"));
  await author.ok(["deploy", "--publish"]);
  return author;
}

/** Changes the triggers in invoked.json. */
async function declare(author: Author, triggers: Json): Promise<void> {
  const manifest = JSON.parse(await Deno.readTextFile(join(author.folder, "invoked.json")));
  await author.write("invoked.json", JSON.stringify({ ...manifest, triggers }));
}

Deno.test("each method of a webhook has its flags, and those of no other", async () => {
  await using author = await deployed("methods");
  const create = (name: string, ...flags: string[]) =>
    author.run(["trigger", "create", ".", name, "--json", "--webhook", ...flags]);
  const webhookOf = async (name: string, ...flags: string[]) => {
    const { code, stdout, stderr } = await create(name, ...flags);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).trigger.webhook;
  };
  const jwksUrl = "https://sender.example/jwks.json";
  assert.deepEqual((await webhookOf("jwt", "jwt", "--jwks-url", jwksUrl)).jwt, { jwksUrl });
  const publicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  const discord = await webhookOf("discord", "discord", "--public-key", publicKey);
  assert.deepEqual(discord.discord, { publicKey });
  const rejected: readonly (readonly [string[], RegExp])[] = [
    [["jwt"], /Option --webhook jwt needs --jwks-url/],
    [["discord"], /needs --public-key/],
    [["header"], /needs --signature-header/],
    [["github", "--jwks-url", jwksUrl], /Option --jwks-url needs --webhook jwt/],
    [
      ["hmac", "--secret"],
      /Option --secret is not allowed with --webhook hmac: the server makes its secret/,
    ],
    [["jwt", "--jwks-url", jwksUrl, "--secret"], /its sender alone has a key/],
    [["github", "--max-bytes", "many"], /Invalid --max-bytes: "many" is not a size/],
    [["github", "--signature-encoding", "plain"], /needs --webhook header/],
  ];
  for (const [flags, message] of rejected) assertFails(await create("bad", ...flags), 2, message);
  const alone = await author.run(["trigger", "create", ".", "bad", "--secret", "--slug", "x"]);
  assertFails(alone, 2, /Option --secret needs --webhook/, /rotate-secret --given/);
});

Deno.test("what all webhooks have is set by flags, and a verify token is made or given", async () => {
  await using author = await deployed("handshakes");
  const { url } = await sharedServer();
  const isAccepted = async ({ webhook: { listenerId } }: Json, token: string) => {
    const query = new URLSearchParams({
      "hub.mode": "subscribe",
      "hub.verify_token": token,
      "hub.challenge": "1",
    });
    const path = `/api/v1/webhooks/incoming/${listenerId}?${query}`;
    const response = await fetch(new URL(path, url));
    return (await response.text()) === "1";
  };
  const meta = [
    ...["--webhook", "header", "--signature-header", "X-Hub-Signature-256"],
    ...["--signature-prefix", "sha256=", "--handshake", "meta", "--response", "function"],
    ...["--max-bytes", "128KiB", "--allow-source", "127.0.0.0/8, ::1/128"],
    ...["--event-id-header", "X-Id"],
  ];
  const made = await author.json("trigger", "create", ".", "made", ...meta);
  const { listenerId: _, ...webhook } = made.trigger.webhook;
  assert.deepEqual(webhook, {
    allowSourceCidrs: ["127.0.0.0/8", "::1/128"],
    maxBytes: 131_072,
    response: "WEBHOOK_RESPONSE_FUNCTION",
    eventIdHeader: "X-Id",
    handshake: "WEBHOOK_HANDSHAKE_META",
    header: {
      name: "X-Hub-Signature-256",
      prefix: "sha256=",
      encoding: "SIGNATURE_ENCODING_HEX",
    },
  });
  assert.match(made.webhookVerifyToken, /^[0-9a-f]{64}$/);
  assert.ok(await isAccepted(made.trigger, made.webhookVerifyToken));

  const both = ["trigger", "create", ".", "given", ...meta, "--secret", "--verify-token"];
  const given = await author.ok([...both, "--json"], { stdin: `${SECRET}\r\nverified\n` });
  assert.deepEqual(Object.keys(JSON.parse(given)), ["trigger"]);
  const { trigger } = JSON.parse(given);
  assert.ok(await isAccepted(trigger, "verified"));
  const one = await author.run(both, { stdin: SECRET });
  assertFails(one, 2, /Invalid stdin: the secret and the verify token need one line each/);

  const update = (...flags: string[]) => ["trigger", "update", ".", "given", ...flags];
  await author.ok(update("--verify-token"), { stdin: "second" });
  assert.deepEqual([await isAccepted(trigger, "verified"), await isAccepted(trigger, "second")], [
    false,
    true,
  ]);
  const none = await author.json(...update("--handshake", "none"));
  assert.equal(none.trigger.webhook.handshake, undefined);
  assert.ok(!await isAccepted(trigger, "second"));
  const again = await author.run(update("--handshake", "meta"));
  assert.match(again.stderr, /What follows is the verify token for the sender/);
  assert.ok(await isAccepted(trigger, again.stdout.trim()));
});

Deno.test("a deploy makes the verify token of a handshake once", async () => {
  await using author = await deployed("verified");
  const header = { name: "X-Hub-Signature-256", prefix: "sha256=" };
  const handshake = "WEBHOOK_HANDSHAKE_META";
  await declare(author, { hook: { webhook: { header, handshake } } });
  assert.match((await author.json("deploy")).triggers[0].webhookVerifyToken, /^[0-9a-f]{64}$/);
  assert.deepEqual((await author.json("deploy")).triggers, []);
  await declare(author, { hook: { webhook: { header, handshake, maxBytes: 1000 } } });
  const [changed] = (await author.json("deploy")).triggers;
  assert.deepEqual([changed.change, changed.webhookVerifyToken], ["changed", undefined]);
  await declare(author, { hook: { webhook: { header, handshake: null } } });
  await author.ok(["deploy"]);
  await declare(author, { hook: { webhook: { header, handshake } } });
  const again = await author.run(["deploy"]);
  assert.match(again.stderr, /its verify token, shown only now: [0-9a-f]{64}/);
  await declare(author, { hook: { webhook: { header, handshake, verifyToken: "x" } } });
  assertFails(await author.run(["deploy"]), 2, /must not have a secret or a verify token/);
});
