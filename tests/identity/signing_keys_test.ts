/** The keys that sign access tokens: their rotation, by the API and the command line, and their end. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { SigningKeys } from "../../src/domain/identity/mod.ts";
import { Ids } from "../../src/domain/ids.ts";
import { openStore } from "../../src/store/mod.ts";
import { Sealer } from "../../src/store/sealing.ts";
import { events, lastUid, resourcesOf } from "../audit/support.ts";
import { endpoint } from "../endpoints/echo.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, KSUID, ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { serverSuite } from "../support/suite.ts";

const FUNCTIONS = "/api/v1/functions";
const ROTATE = "/api/v1/signing_keys/rotate";
const KEYS_MAX = 10;
const FORGED = 2_000;
const DAY_MS = 24 * 60 * 60 * 1000;

const kidOf = (token: string | undefined) => decodeProtectedHeader(token ?? "").kid;
const keySetOf = async ({ url }: Client): Promise<Json> =>
  ok(await new Client(url, undefined).get("/.well-known/jwks.json"));
const kidsOf = async (client: Client): Promise<string[]> =>
  (await keySetOf(client)).keys.map(({ kid }: Json) => kid);

serverSuite("signing keys", {}, {
  "a rotation publishes a key, and signs with it later": async ({ server, client }) => {
    const [former] = await kidsOf(client);
    const sinceEventUid = await lastUid(client);
    const { list } = ok(await client.post(ROTATE, {}));
    const [event] = await events(client, { sinceEventUid });
    assert.equal(event.api.operation, "invoked.KeyService.RotateSigning");
    assert.deepEqual(resourcesOf(event), [
      { type: "server_key", uid: list[0].id, change: "created" },
    ]);
    assert.equal(list.length, 2);
    assert.match(list[0].id, KSUID);
    const waits = Date.parse(list[0].signsFrom) - Date.parse(list[0].createdAt);
    assert.equal(waits, 15 * 60 * 1000);
    assert.equal(list[0].verifiesUntil, undefined);
    assert.equal(list[1].id, former);
    assert.equal(Date.parse(list[1].verifiesUntil), Date.parse(list[0].signsFrom) + DAY_MS);
    assert.deepEqual(await kidsOf(client), [list[0].id, former]);
    assert.equal(kidOf((await server.client()).token), former);
  },

  "tokens of before a rotation stay valid, and each key verifies its own": async (
    { server, client },
  ) => {
    const { list: [{ id }] } = ok(await client.post(ROTATE, { signsAfter: "0s" }));
    const after = await server.client();
    assert.equal(kidOf(after.token), id);
    const keys = createLocalJWKSet(await keySetOf(client));
    for (const { token } of [client, after]) {
      ok(await new Client(client.url, token).get(FUNCTIONS));
      await jwtVerify(token ?? "", keys, { issuer: server.url });
    }
  },

  "the tokens of every key are withheld from functions": async ({ server, client }) => {
    const open = await endpoint(client);
    for (const { token } of [client, await server.client()]) {
      const headers = { authorization: `Token ${token}` };
      const said = await (await fetch(`${client.url}${open.path}/`, { headers })).json();
      assert.equal(said.headers["authorization"], undefined);
    }
  },

  "a misspelt or contradictory request rotates nothing": async ({ client }) => {
    const before = await kidsOf(client);
    const bodies = [{ revoke: true }, { signsAfter: "8d" }, { signsAfter: "604801s" }]
      .concat({ revokeOld: true, signsAfter: "1s" } as Json, { signsAfter: "-1s" });
    for (const body of bodies) assertError(await client.post(ROTATE, body), "INVALID_FIELD");
    assert.deepEqual(await kidsOf(client), before);
  },

  "the command line rotates, and says what happens to tokens": async ({ server, client }) => {
    const run = (...args: string[]) =>
      runInvoked(["keys", "rotate", ...args, "--data", server.dataDir]);
    const rotated = await run("--signing", "--after", "1h");
    assert.match(
      rotated.stdout,
      /^Key \w{27} signs from \S+Z; access tokens of 3 earlier keys stay valid until \S+Z\n$/,
    );
    for (const args of [["--revoke-old"], ["--after", "1h"], ["--server", server.url]]) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2);
      assert.match(
        stderr,
        / needs --signing: the master key is rotated while the server is stopped/,
      );
    }
    const { code, stderr } = await run("--signing", "--master-key-file", "key");
    assert.equal(code, 2);
    assert.match(stderr, /--master-key-file is not for --signing/);
    ok(await client.get(FUNCTIONS));
  },

  "the number of keys is bounded": async ({ client }) => {
    for (let count = (await kidsOf(client)).length; count < KEYS_MAX; count++) {
      ok(await client.post(ROTATE, { signsAfter: "0s" }));
    }
    const message = /the server has 10 signing keys, the most that it keeps; .*revokeOld$/;
    assertError(await client.post(ROTATE, {}), "SIGNING_KEY_LIMIT", message);
  },
}, {
  "revokeOld ends every earlier token at once": async ({ server, client }) => {
    // The server keeps in memory which tokens it has verified.
    ok(await client.get(FUNCTIONS));
    const { stdout } = await runInvoked(
      ["keys", "rotate", "--signing", "--revoke-old", "--data", server.dataDir],
    );
    assert.match(stdout, /^Key \w{27} signs from now on; every earlier access token is invalid\n$/);
    const message = /: this server has no such signing key, or has removed the key; /;
    assertError(await client.get(FUNCTIONS), "TOKEN_INVALID", message);
    const after = await server.client();
    ok(await after.get(FUNCTIONS));
    const [rejected] = await events(after, { operation: "authentication.access_token" });
    assert.deepEqual([rejected.status_code, rejected.status], ["TOKEN_INVALID", "Failure"]);
    assert.deepEqual(await kidsOf(client), [kidOf(after.token)]);
  },

  "a key ends when the last of its tokens has": async ({ server }) => {
    const former = await server.client();
    ok(await former.post(ROTATE, { signsAfter: "0s" }));
    await server.stop();
    using db = new DatabaseSync(join(server.dataDir, "invoked.db"));
    const endsLong = new Date(Date.now() - DAY_MS).toISOString();
    assert.equal(
      db.prepare("update server_keys set signs_from = ? where signs_from is not null").run(endsLong)
        .changes,
      1,
    );
    db.close();
    await using again = await TestServer.start({ dataDir: server.dataDir });
    const client = await again.client();
    assert.deepEqual(await kidsOf(client), [kidOf(client.token)]);
    assertError(await new Client(again.url, former.token).get(FUNCTIONS), "TOKEN_INVALID");
    // The next rotation deletes it.
    assert.equal(ok(await client.post(ROTATE, {})).list.length, 2);
  },
});

Deno.test("signing keys: forged key ids cost one read for all who wait", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const sealer = new Sealer(new Uint8Array(32));
  let reads = 0;
  const identity = new Proxy(store.read.identity, {
    get(target, name) {
      if (name === "keys") reads++;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const watched = { ...store, read: { ...store.read, identity } };
  const keys = await SigningKeys.open(watched, sealer, new Ids());
  const others = await SigningKeys.open(store, sealer, new Ids());
  const [made] = await others.rotate({ kind: "overlap", signsAfterMs: 0 });
  reads = 0;
  const forged = Array.from({ length: FORGED }, (_, n) => keys.find(`forged ${n}`));
  const [found, ...unknown] = await Promise.all([keys.find(made?.id ?? ""), ...forged]);
  assert.equal(found?.id, made?.id);
  assert.ok(unknown.every((key) => key === undefined));
  assert.equal(reads, 1);
});
