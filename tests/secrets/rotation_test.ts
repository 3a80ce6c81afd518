/** `invoked keys rotate`: every value moves to the new key, and no crash leaves one behind. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { outputOf } from "../sdk/support.ts";
import { ok } from "../support/expect.ts";
import { INVOKED, removeDirectory, runInvoked } from "../support/invoked.ts";
import { signalUnlessEnded } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";
import { github } from "../triggers/signing.ts";

const VALUE = "kept over every rotation";
const READS = `import { functions } from "@c1/functions-sdk";
export default () => ({ value: functions.getConfig().secrets.KEY ?? null });`;

type Env = Readonly<Record<string, string>>;

/** A data directory of a stopped server that holds a function with a secret, and a token of that server. */
async function prepare(
  env: Env = {},
  whileItRuns: (dataDir: string) => Promise<void> = () => Promise.resolve(),
): Promise<{ dataDir: string; id: string; token: string }> {
  const dataDir = await Deno.makeTempDir({ prefix: "invoked-test-" });
  await using server = await TestServer.start({ dataDir, env });
  const client = await server.client();
  const id = await client.deploy(READS);
  await client.update(id, { secret: { KEY: VALUE } }, "secret");
  const trigger = { displayName: "hook", webhook: { github: { secret: VALUE } } };
  ok(await client.post(`/api/v1/functions/${id}/triggers`, { trigger }));
  // It has a verify token, and no secret.
  const jwt = { jwksUrl: "https://sender.example/keys" };
  const handshake = { jwt, handshake: "WEBHOOK_HANDSHAKE_META", verifyToken: VALUE };
  const meta = { displayName: "meta", webhook: handshake };
  ok(await client.post(`/api/v1/functions/${id}/triggers`, { trigger: meta }));
  ok(await client.post("/api/v1/tenants", { isExample: true }));
  // Its token is then one of the earlier of two keys.
  ok(await client.post("/api/v1/signing_keys/rotate", { signsAfter: "0s" }));
  await whileItRuns(dataDir);
  await server.stop();
  return { dataDir, id, token: client.token ?? "" };
}

/** Starts a server on the directory: secrets open, and tokens signed before are still good. */
async function check(dataDir: string, id: string, env: Env, token: string): Promise<void> {
  await using server = await TestServer.start({ dataDir, env });
  const client = await server.client();
  assert.deepEqual(await outputOf(client, id), { value: VALUE });
  const { list: [meta, trigger] } = ok(await client.get(`/api/v1/functions/${id}/triggers`));
  const query = new URLSearchParams({
    "hub.mode": "subscribe",
    "hub.verify_token": VALUE,
    "hub.challenge": "1158201444",
  });
  const handshake = `/api/v1/webhooks/incoming/${meta.webhook.listenerId}?${query}`;
  assert.equal(ok(await client.get(handshake)), "1158201444");
  const path = `/api/v1/webhooks/incoming/${trigger.webhook.listenerId}`;
  ok(await client.post(path, "{}", github(VALUE, "{}")));
  ok(await client.get("/api/v1/functions", { authorization: `Bearer ${token}` }));
  await server.stop();
}

const rotate = (dataDir: string, env: Env = {}) =>
  runInvoked(["keys", "rotate", "--data", dataDir], { env });
const keysIn = async (dataDir: string) =>
  (await Deno.readTextFile(join(dataDir, "master.key"))).trim().split("\n");
const makeKey = () => crypto.getRandomValues(new Uint8Array(32)).toBase64();

Deno.test("a key in the data directory is rotated", async (t) => {
  let old = "";
  const { dataDir, id, token } = await prepare({}, async (dataDir) => {
    [old = ""] = await keysIn(dataDir);
    await t.step("not while the server runs", async () => {
      const { code, stderr } = await rotate(dataDir);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^error: Data directory .* is in use by another server; stop that server, or choose .*\n$/,
      );
      assert.deepEqual(await keysIn(dataDir), [old]);
    });
  });
  const keyFile = join(dataDir, "master.key");
  try {
    await t.step("every value moves, and the old key is forgotten", async () => {
      const { code, stdout, stderr } = await rotate(dataDir);
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        /^Encrypted 4 secrets and 5 server keys with a new key: the new master key is in/,
      );
      const keys = await keysIn(dataDir);
      assert.equal(keys.length, 1);
      assert.notEqual(keys[0], old);
      assert.ok(!stdout.includes(keys[0] ?? ""));
      assert.equal(((await Deno.stat(keyFile)).mode ?? 0) & 0o777, 0o600);
      await check(dataDir, id, {}, token);
    });

    await t.step("the old key opens nothing any more, and says so", async () => {
      const { code, stderr } = await runInvoked(["serve", "--port", "0", "--data", dataDir], {
        env: { INVOKED_MASTER_KEY: old },
      });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /server-key:\S+ was not decrypted: it was sealed under master key [0-9a-f]{16}, and the one in use is/,
      );
    });

    await t.step(
      "cut off before the values moved, or before the old key was forgotten",
      async () => {
        const [current = ""] = await keysIn(dataDir);
        await Deno.writeTextFile(keyFile, `${makeKey()}\n${current}\n`);
        await check(dataDir, id, {}, token);
        assert.equal((await rotate(dataDir)).code, 0);
        const [next = ""] = await keysIn(dataDir);
        await Deno.writeTextFile(keyFile, `${next}\n${current}\n`);
        await check(dataDir, id, {}, token);
        assert.equal((await rotate(dataDir)).code, 0);
        assert.equal((await keysIn(dataDir)).length, 1);
      },
    );

    await t.step("killed at any moment, again and again", async () => {
      for (let delayMs = 0; delayMs < 240; delayMs += 15) {
        const child = new Deno.Command(INVOKED, {
          args: ["keys", "rotate", "--data", dataDir],
          stdout: "null",
          stderr: "null",
        }).spawn();
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        signalUnlessEnded(child, "SIGKILL");
        await child.status;
      }
      // It opens every value that the kills have left.
      const { code, stderr } = await rotate(dataDir);
      assert.equal(code, 0, stderr);
      assert.equal((await keysIn(dataDir)).length, 1);
      await check(dataDir, id, {}, token);
    });
  } finally {
    await removeDirectory(dataDir);
  }
});

Deno.test("a key in the environment is rotated to another one there", async (t) => {
  const [old, next] = [{ INVOKED_MASTER_KEY: makeKey() }, { INVOKED_MASTER_KEY: makeKey() }];
  const both = { ...old, INVOKED_NEW_MASTER_KEY: next.INVOKED_MASTER_KEY };
  const { dataDir, id, token } = await prepare(old);
  try {
    await t.step("half of the keys is rejected, and creates no key file", async () => {
      for (
        const [env, expected] of [
          [
            old,
            /INVOKED_MASTER_KEY is set, but INVOKED_NEW_MASTER_KEY is not\nnext: set INVOKED_NEW_MASTER_KEY/,
          ],
          [
            { INVOKED_NEW_MASTER_KEY: makeKey() },
            /INVOKED_NEW_MASTER_KEY is set, but INVOKED_MASTER_KEY is not/,
          ],
          [
            {},
            /master\.key does not exist\nnext: set INVOKED_MASTER_KEY and INVOKED_NEW_MASTER_KEY/,
          ],
          [{ ...both, INVOKED_MASTER_KEY: makeKey() }, /it was sealed under master key/],
        ] as const
      ) {
        const { code, stderr } = await rotate(dataDir, env);
        assert.equal(code, 1, stderr);
        assert.match(stderr, expected);
      }
      await assert.rejects(Deno.stat(join(dataDir, "master.key")), Deno.errors.NotFound);
    });
    await t.step("twice is as good as once", async () => {
      for (let round = 0; round < 2; round++) {
        const { code, stdout, stderr } = await rotate(dataDir, both);
        assert.equal(code, 0, stderr);
        assert.match(stdout, /start the server with INVOKED_MASTER_KEY set to the new key\n$/);
      }
      await check(dataDir, id, next, token);
    });
  } finally {
    await removeDirectory(dataDir);
  }
});

Deno.test("a directory without a server is left as it is", async () => {
  const directory = await Deno.makeTempDir();
  const { code, stderr } = await rotate(join(directory, "typo"));
  assert.equal(code, 1);
  assert.match(stderr, /invoked\.db does not exist\nnext: start the server once with this --data/);
  await assert.rejects(Deno.stat(join(directory, "typo")), Deno.errors.NotFound);
  await removeDirectory(directory);
});
