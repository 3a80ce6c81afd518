/** Break-glass: the server's host makes owners, whatever credentials, providers and rates say. */
import assert from "node:assert/strict";
import { hkdfSync } from "node:crypto";
import { join } from "node:path";
import { SignJWT } from "jose";
import { added } from "../audit/support.ts";
import type { Answer, Json } from "../support/client.ts";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import {
  addAccount,
  change,
  OWNER,
  type PeopleStage,
  peopleSuite,
  principalOf,
  useLink,
  USERS,
} from "./people.ts";
import { browser, codeIn, FUNCTIONS, LINKS, redeem, SESSION, SESSIONS } from "./sessions.ts";
import { LOGIN, Visitor } from "./visitor.ts";

const OWNER_LINKS = "/auth/v1/owner_links";
const CLIENTS = "/api/v1/iam/personal_clients";

/** The key that the server and its host derive from the master key. */
async function keyOf(dataDir: string, purpose = "invoked owner assertion"): Promise<Uint8Array> {
  const master = Uint8Array.fromBase64(
    (await Deno.readTextFile(join(dataDir, "master.key"))).trim(),
  );
  return new Uint8Array(hkdfSync("sha256", master, "", purpose, 32));
}

interface Assertion {
  readonly key?: Uint8Array;
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
}

async function sign(dataDir: string, { key, header, claims }: Assertion = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    aud: "127.0.0.1",
    iat: now,
    exp: now + 60,
    jti: crypto.randomUUID(),
    ...claims,
  };
  return await new SignJWT(payload)
    .setProtectedHeader({ alg: "HS256", typ: "owner-assertion+jwt", ...header })
    .sign(key ?? await keyOf(dataDir));
}

function send(url: string, assertion: unknown): Promise<Answer<Json>> {
  return browser(url).post(OWNER_LINKS, { assertion });
}

async function command({ server }: PeopleStage, ...args: string[]): Promise<Json> {
  const run = await runInvoked([
    ...["console", "link", "--owner", "--json", "--data", server.dataDir],
    ...args,
  ]);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout);
}

async function signsIn(stage: PeopleStage): Promise<void> {
  const { server } = stage;
  const visitor = new Visitor(server.url);
  const link = await command(stage);
  await useLink(visitor, link);
  const { principal, expiresAt } = ok(await visitor.get(SESSION));
  assert.deepEqual(principal.roles, [OWNER]);
  assert.ok(Date.parse(expiresAt) <= Date.now() + 3_600_000, expiresAt);
  ok(await visitor.get(FUNCTIONS));
  const { user } = ok(await visitor.get(`${USERS}/${principal.id}`)).userView;
  assert.deepEqual([user.type, user.roleIds], ["USER_TYPE_SYSTEM", [OWNER]]);
  const { list } = ok(await visitor.get(SESSIONS));
  assert.equal(list[0].method, "SIGN_IN_METHOD_OWNER_LINK");
  const client = await change(visitor, "POST", CLIENTS, { displayName: "x" });
  assertError(client, "PRINCIPAL_NOT_FOUND", /has no clients/);
  assertError(await redeem(server.url, codeIn(link)), "LINK_INVALID");
}

async function endsByOwner(stage: PeopleStage): Promise<void> {
  const { server, client } = stage;
  const visitor = new Visitor(server.url);
  await useLink(visitor, await command(stage));
  const { id: userId } = await principalOf(visitor);
  const path = `${USERS}/${userId}/sessions`;
  const { list: [{ id }] } = ok(await client.get(path));
  ok(await client.call("DELETE", `${path}/${id}`, {}));
  assertError(await visitor.get(FUNCTIONS), "SESSION_ENDED");
  assertError(await client.get(`${USERS}/${"0".repeat(27)}/sessions`), "PRINCIPAL_NOT_FOUND");
}

async function withoutCredentials(stage: PeopleStage): Promise<void> {
  const { server } = stage;
  const file = join(server.dataDir, "credentials.json");
  const kept = await Deno.readTextFile(file);
  await Deno.remove(file);
  try {
    const args = ["console", "link", "--owner", "--data", server.dataDir];
    const nameless = await runInvoked(args);
    assert.notEqual(nameless.code, 0);
    assert.match(nameless.stderr, /No server is known.*--server/s);
    const link = await command(stage, "--server", server.url);
    await useLink(new Visitor(server.url), link);
    const elsewhere = join(server.dataDir, "moved.key");
    await Deno.rename(join(server.dataDir, "master.key"), elsewhere);
    try {
      const missing = await runInvoked([...args, "--server", server.url]);
      assert.match(missing.stderr, /Master key .*master\.key does not exist.*--master-key-file/s);
      await command(stage, "--server", server.url, "--master-key-file", elsewhere);
    } finally {
      await Deno.rename(elsewhere, join(server.dataDir, "master.key"));
    }
  } finally {
    await Deno.writeTextFile(file, kept, { mode: 0o600 });
  }
}

async function rejects({ server, client }: Stage): Promise<void> {
  const { url, dataDir } = server;
  const now = Math.floor(Date.now() / 1000);
  const unsigned = async () => {
    const [, payload] = (await sign(dataDir)).split(".");
    const head = btoa(JSON.stringify({ alg: "none", typ: "owner-assertion+jwt" }));
    return `${head.replaceAll("=", "")}.${payload}.`;
  };
  const wrong = [
    sign(dataDir, { key: new Uint8Array(32) }),
    sign(dataDir, { key: await keyOf(dataDir, "invoked another purpose") }),
    sign(dataDir, { key: Uint8Array.fromBase64(await masterKey(dataDir)) }),
    sign(dataDir, { header: { typ: "JWT" } }),
    sign(dataDir, { header: { alg: "HS512" } }),
    sign(dataDir, { claims: { aud: "other.example" } }),
    sign(dataDir, { claims: { aud: undefined } }),
    sign(dataDir, { claims: { jti: undefined } }),
    sign(dataDir, { claims: { jti: 7 } }),
    sign(dataDir, { claims: { exp: undefined } }),
    sign(dataDir, { claims: { iat: undefined } }),
    sign(dataDir, { claims: { exp: now + 3_600 } }),
    sign(dataDir, { claims: { iat: now - 3_600, exp: now - 3_540 } }),
    sign(dataDir, { claims: { iat: now + 3_600, exp: now + 3_660 } }),
    unsigned(),
    Promise.resolve("x"),
  ];
  for (const assertion of wrong) assertError(await send(url, await assertion), "ASSERTION_INVALID");
  const once = await sign(dataDir);
  const answers = await Promise.all([send(url, once), send(url, once), send(url, once)]);
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401, 401]);
  const events = await added(client, async () => {
    assertError(await send(url, once), "ASSERTION_INVALID", /used before/);
  });
  // The master key has signed it, so it is known whose it is.
  const [rejected] = events.filter((event) => event.activity_name === "owner_link");
  assert.deepEqual([rejected?.status_code, rejected?.user.name], [
    "ASSERTION_INVALID",
    "Owner on the server's host",
  ]);
  for (const body of [{}, { assertion: "" }, { assertion: 1 }, []]) {
    assertInvalid(await browser(url).post(OWNER_LINKS, body), "assertion");
  }
  assertError(await send(url, "x".repeat(5_000)), "BODY_TOO_LARGE");
}

async function masterKey(dataDir: string): Promise<string> {
  return (await Deno.readTextFile(join(dataDir, "master.key"))).trim();
}

async function rates(stage: PeopleStage): Promise<void> {
  const { server: { url } } = stage;
  for (let sent = 0; (await send(url, "x")).status !== 429;) assert.ok(++sent < 1_000);
  assertError(await send(url, "x"), "RATE_LIMITED", /--token-rate/);
  // The address of the flood is also that of the command.
  await useLinkWhateverRates(stage, await command(stage));
}

/** The code of a link counts against no rate while it is right. */
async function useLinkWhateverRates({ server }: PeopleStage, link: Json): Promise<void> {
  const visitor = new Visitor(server.url);
  await useLink(visitor, link);
  assert.deepEqual((await principalOf(visitor)).roles, [OWNER]);
}

const RATE = ["--token-rate", "20"];

peopleSuite("links of the server's host", { flags: RATE }, {
  "sign in an owner": signsIn,
  "begin sessions that other owners list and end": endsByOwner,
  "need no credential of a client": withoutCredentials,
  "work although their address has sent too many wrong ones": rates,
});

sharedSuite("assertions of the server's host", {
  "are rejected if they are forged, expired, foreign or used": rejects,
});

peopleSuite("with --oidc-only", { flags: ["--oidc-only", "--token-rate", "0"], fresh: true }, {
  "the link of the first start makes the first person an owner": async (stage) => {
    const { provider, server } = stage;
    addAccount(provider, "founder");
    addAccount(provider, "second");
    const [, url = ""] = /^ {2}console {6}(\S+) \(works once, until /m.exec(server.welcome) ?? [];
    const visitor = new Visitor(server.url);
    await useLink(visitor, { url });
    const query = "?owner=true";
    // Another site, or a browser without an owner's session, makes nobody an owner.
    for (const site of ["cross-site", "none"] as const) {
      const page = await visitor.visit(LOGIN + query, { site });
      assert.deepEqual([page.status, /SIGN_IN_FAILED/.test(page.text)], [401, true]);
    }
    const stranger = await new Visitor(server.url).visit(LOGIN + query, { site: "same-origin" });
    assert.equal(stranger.status, 401);
    const callback = await visitor.toCallback(provider, "founder", { query });
    const session = visitor.cookies.get("invoked_session") ?? assert.fail();
    assert.equal((await visitor.comeBack(callback)).status, 303);
    const { displayName, roles } = await principalOf(visitor);
    assert.deepEqual([displayName, roles], ["Name of founder", [OWNER]]);
    // The session of the link has made one owner, and is over.
    const again = new Visitor(server.url);
    again.cookies.set("invoked_session", session);
    assertError(await again.get(FUNCTIONS), "SESSION_ENDED");
    assert.equal((await again.visit(LOGIN + query, { site: "same-origin" })).status, 401);
    // Without asking for it, nobody becomes an owner in the browser of one.
    const shared = new Visitor(server.url);
    const own = visitor.cookies.get("invoked_session") ?? assert.fail();
    shared.cookies.set("invoked_session", own);
    await shared.signIn(provider, "second");
    assert.deepEqual((await principalOf(shared)).roles, []);
  },

  "an owner's session that ends on the way makes nobody an owner": async (stage) => {
    const { provider, server } = stage;
    addAccount(provider, "late");
    const visitor = new Visitor(server.url);
    await useLink(visitor, await command(stage));
    const callback = await visitor.toCallback(provider, "late", { query: "?owner=true" });
    const headers = {
      origin: server.url,
      "x-invoked-console": "1",
      "sec-fetch-site": "same-origin",
      cookie: visitor.cookie("invoked_session"),
    };
    ok(await browser(server.url).call("DELETE", SESSION, {}, headers));
    const page = await visitor.comeBack(callback);
    assert.deepEqual([page.status, /SIGN_IN_FAILED/.test(page.text)], [401, true]);
    assert.equal((await visitor.signIn(provider, "late", {})).status, 303);
    assert.deepEqual((await principalOf(visitor)).roles, []);
  },

  "links of clients begin no sessions": async ({ client }) => {
    assertError(await client.post(LINKS, {}), "PROVIDER_ONLY", /--oidc-only.*console link --owner/);
    const { isProviderOnly, providerSignInPath } = ok(await browser(client.url).get(SESSION));
    assert.deepEqual([isProviderOnly, providerSignInPath], [true, LOGIN]);
  },
});
