import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { generateKeyPair, importJWK, type JWK, type JWTHeaderParameters, SignJWT } from "jose";
import { atOnce } from "../support/at_once.ts";
import { type Answer, Client, type Credentials, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { codeIn, LINKS, redeem } from "./sessions.ts";

const PATH = "/auth/v1/token";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const GRANT = { grant_type: "client_credentials" };
/** The characters that RFC 6749 section 5.2 allows. */
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/;

function assertOAuthError({ status, headers, body }: Answer<Json>, error: string): void {
  const expected = error === "invalid_client" ? 401 : 400;
  assert.deepEqual([status, body.error], [expected, error], JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ["error", "error_description"]);
  assert.match(body.error_description, DESCRIPTION);
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.has("www-authenticate"), status === 401);
}

async function assertGranted(client: Client, answer: Answer<Json>): Promise<void> {
  const { access_token: token, ...rest } = ok(answer);
  assert.deepEqual(rest, { token_type: "Bearer", expires_in: 3600 });
  assert.equal(answer.headers.get("cache-control"), "no-store");
  ok(await new Client(client.url, token).get("/api/v1/functions"));
}

/** The key inside a client secret, as C1's Go SDK takes it out. */
async function keyOf({ clientSecret }: Credentials) {
  const [scheme, host, version, encoded = ""] = clientSecret.split(":");
  assert.deepEqual([scheme, host, version], ["secret-token", "conductorone.com", "v1"]);
  const bytes = Uint8Array.fromBase64(encoded, { alphabet: "base64url" });
  const jwk = JSON.parse(new TextDecoder().decode(bytes)) as JWK;
  assert.deepEqual([jwk.kty, jwk.crv, typeof jwk.d], ["OKP", "Ed25519", "string"]);
  return await importJWK(jwk, "EdDSA");
}

interface AssertionOptions {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Partial<JWTHeaderParameters>;
  readonly key?: Awaited<ReturnType<typeof keyOf>>;
}

/** An assertion exactly as C1's Go SDK makes it: a random nonce in the header, no `jti`. */
async function assertion(
  credentials: Credentials,
  { claims = {}, header = {}, key }: AssertionOptions = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const [, host = ""] = /@([^/]+)\//.exec(credentials.clientId) ?? [];
  return await new SignJWT({
    iss: credentials.clientId,
    sub: credentials.clientId,
    aud: [host.replace(/:\d+$/, "")],
    exp: now + 120,
    iat: now,
    nbf: now - 120,
    ...claims,
  }).setProtectedHeader({ alg: "EdDSA", nonce: crypto.randomUUID(), ...header })
    .sign(key ?? await keyOf(credentials));
}

function present(
  client: Client,
  { clientId }: Credentials,
  signed: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer<Json>> {
  return client.form(PATH, {
    ...GRANT,
    client_id: clientId,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: signed,
    ...more,
  });
}

async function bySecret(client: Client, { clientId, clientSecret }: Credentials): Promise<void> {
  const form = { ...GRANT, client_id: clientId, client_secret: clientSecret };
  await assertGranted(client, await client.form(PATH, form));
  const wrong = [
    clientSecret.slice(0, -1),
    `${clientSecret}x`,
    clientSecret.toUpperCase(),
    clientSecret.split(":")[3] ?? "",
    "secret-token:conductorone.com:v1:e30",
    "",
  ];
  for (const secret of wrong) {
    assertOAuthError(await client.form(PATH, { ...form, client_secret: secret }), "invalid_client");
  }
  for (const id of [clientId.toUpperCase(), "nobody@localhost/spc", "' or 1=1 --"]) {
    assertOAuthError(await client.form(PATH, { ...form, client_id: id }), "invalid_client");
  }
}

async function badRequests(client: Client, credentials: Credentials): Promise<void> {
  const { clientId: client_id, clientSecret: client_secret } = credentials;
  const good = { ...GRANT, client_id, client_secret };
  const forms: [Record<string, string>, string][] = [
    [{}, "invalid_request"],
    [{ client_id, client_secret }, "invalid_request"],
    [{ ...good, grant_type: "" }, "invalid_request"],
    [{ ...good, grant_type: "password" }, "unsupported_grant_type"],
    [{ ...good, grant_type: 'a"\\\n\u{1F600}' }, "unsupported_grant_type"],
    [{ ...GRANT, client_secret }, "invalid_request"],
    [{ ...GRANT, client_id }, "invalid_request"],
    [{ ...good, client_assertion: await assertion(credentials) }, "invalid_request"],
    [{ ...good, client_assertion_type: ASSERTION_TYPE }, "invalid_request"],
    [{ ...good, resource: "https://other.example/" }, "invalid_target"],
    [{ ...good, resource: "not a URL" }, "invalid_target"],
    [{ ...good, resource: client.url.replace("http:", "ftp:") }, "invalid_target"],
    [{ ...good, resource: `${client.url}/api/v1/functions#a` }, "invalid_target"],
  ];
  for (const [form, error] of forms) assertOAuthError(await client.form(PATH, form), error);

  for (const name of Object.keys(good)) {
    const twice = new URLSearchParams([...Object.entries(good), [name, "x"]]);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await client.call("POST", PATH, String(twice), form);
    assertOAuthError(answer, "invalid_request");
    assert.match(answer.body.error_description, new RegExp(name));
  }
  // Resources may be repeated (RFC 8707), and each must be of this server.
  const asks = async (...resources: string[]) => {
    const asked = resources.map((resource) => ["resource", resource]);
    return await client.call(
      "POST",
      PATH,
      String(new URLSearchParams([...Object.entries(good), ...asked])),
      {
        "content-type": "application/x-www-form-urlencoded",
      },
    );
  };
  await assertGranted(client, await asks(client.url, `${client.url}/api/v1/functions`, ""));
  assertOAuthError(await asks(client.url, "https://other.example"), "invalid_target");
  const text = String(new URLSearchParams(good));
  const types = ["application/json", "text/plain", "multipart/form-data; boundary=x"];
  for (const type of types) {
    const answer = await client.call("POST", PATH, text, { "content-type": type });
    assertOAuthError(answer, "invalid_request");
  }
  const charset = { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" };
  ok(await client.call("POST", PATH, text, charset));
  const basic = { ...charset, authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` };
  const inHeader = await client.call("POST", PATH, "grant_type=client_credentials", basic);
  assertOAuthError(inHeader, "invalid_request");
  assertOAuthError(await client.post(`${PATH}?${text}`, ""), "invalid_request");
}

async function byAssertion(client: Client, credentials: Credentials): Promise<void> {
  await assertGranted(client, await present(client, credentials, await assertion(credentials)));
  const named = await assertion(credentials, { claims: { jti: "one", aud: "127.0.0.1" } });
  await assertGranted(client, await present(client, credentials, named));
  const withoutId = {
    ...GRANT,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await assertion(credentials),
  };
  await assertGranted(client, await client.form(PATH, withoutId));
}

async function badAssertions(client: Client, credentials: Credentials): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const claims = [
    { aud: ["elsewhere.example"] },
    { aud: undefined },
    { iss: "nobody@localhost/spc" },
    { sub: "nobody@localhost/spc" },
    { iss: undefined },
    { sub: undefined },
    { exp: now - 60 },
    { exp: now + 3600 },
    { exp: 1e300 },
    { exp: undefined },
    { exp: String(now + 60) },
    { nbf: now + 120 },
  ];
  for (const bad of claims) {
    const signed = await assertion(credentials, { claims: bad });
    const answer = await present(client, credentials, signed);
    assertOAuthError(answer, "invalid_client");
    assert.match(answer.body.error_description, /^client_assertion is not valid: /);
  }
  const { privateKey: foreignKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const foreign = await assertion(credentials, { key: foreignKey });
  const good = await assertion(credentials);
  const [, payload = "", signature = ""] = good.split(".");
  const none = btoa(JSON.stringify({ alg: "none" })).replaceAll("=", "");
  const hmac = await new SignJWT({}).setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(credentials.clientSecret));
  const forged = [foreign, `${none}.${payload}.`, `${none}.${payload}.${signature}`, hmac, "x"];
  // Whoever cannot sign for a client does not learn whether there is one, nor what an assertion must say.
  const nobody = { ...credentials, clientId: "mellow-yak-1@localhost/spc" };
  const stale = await assertion(credentials, { key: foreignKey, claims: { exp: now - 60 } });
  for (const token of [...forged, stale, "a.b.c", ""]) {
    const answer = await present(client, credentials, token);
    assertOAuthError(answer, "invalid_client");
    const unknown = await present(client, nobody, token);
    assert.deepEqual([answer.status, answer.body], [unknown.status, unknown.body]);
  }
  const type = { client_assertion_type: "urn:example:other" };
  assertOAuthError(await present(client, credentials, good, type), "invalid_request");
  const other = { client_id: "nobody@localhost/spc" };
  assertOAuthError(await present(client, credentials, good, other), "invalid_client");
  await assertGranted(client, await present(client, credentials, good));
}

/** Nobody gets a token or a session that the audit log does not have. A link is not used up by a failed sign-in. */
async function givesNothingOffRecord(server: TestServer): Promise<void> {
  const { clientId, clientSecret } = await server.credentials();
  const form = { ...GRANT, client_id: clientId, client_secret: clientSecret };
  const client = await server.client();
  const code = codeIn(ok(await client.post(LINKS, {})));
  using db = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
  db.exec(`create trigger rejected before insert on audit_events
    begin select raise(abort, 'rejected for a test'); end`);
  const token = await client.form(PATH, form);
  const session = await redeem(server.url, code);
  db.exec("drop trigger rejected");
  assert.deepEqual([token.status, token.body.access_token], [500, undefined]);
  assert.deepEqual([session.status, session.headers.get("set-cookie")], [500, null]);
  ok(await client.form(PATH, form));
  ok(await redeem(server.url, code));
}

Deno.test("token endpoint", async (t) => {
  const server = await sharedServer();
  const credentials = await server.credentials();
  const client = new Client(server.url, undefined);
  await t.step("client secret", () => bySecret(client, credentials));
  await t.step("bad requests", () => badRequests(client, credentials));
  await t.step("signed assertion, as C1's SDK makes it", () => byAssertion(client, credentials));
  await t.step("bad assertions", () => badAssertions(client, credentials));
  await t.step("of ten presentations at the same time one is granted", async () => {
    const signed = await assertion(credentials);
    const answers = await atOnce(10, () => present(client, credentials, signed));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  });
});

Deno.test("token endpoint: a replayed assertion is rejected, also after a restart", async (t) => {
  await using dir = await makeTempDir();
  const dataDir = dir.path;
  let replays: string[];
  {
    await using server = await TestServer.start({ dataDir });
    const credentials = await server.credentials();
    const client = new Client(server.url, undefined);
    const named = await assertion(credentials, { claims: { jti: "one" } });
    const unnamed = await assertion(credentials);
    ok(await present(client, credentials, named));
    ok(await present(client, credentials, unnamed));
    // The same jti in another assertion is a replay too; without one each is new.
    const renamed = await assertion(credentials, { claims: { jti: "one" } });
    ok(await present(client, credentials, await assertion(credentials)));
    replays = [named, unnamed, renamed];
    for (const replay of replays) {
      assertOAuthError(await present(client, credentials, replay), "invalid_client");
    }
    await server.stop("SIGKILL");
  }
  await using server = await TestServer.start({ dataDir });
  const credentials = await server.credentials();
  const client = new Client(server.url, undefined);
  for (const replay of replays) {
    assertOAuthError(await present(client, credentials, replay), "invalid_client");
  }
  ok(await present(client, credentials, await assertion(credentials)));
  await t.step("a token or a session off the record is given to nobody", async () => {
    await givesNothingOffRecord(server);
  });
});
