/** Sessions of the console: a link signs one browser in, once; the cookie works for requests of the console alone. */
import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { atOnce } from "../support/at_once.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, KSUID, ok, RFC3339_UTC } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { raw } from "../endpoints/support.ts";
import { makeCredential, makePrincipal, signIn as principalSignIn } from "./principals.ts";
import { boundToken, newProofs } from "./proofs.ts";
import {
  attributesOf,
  browser,
  codeIn,
  cookieOf,
  FUNCTIONS,
  get,
  LINKS,
  newCode,
  ofConsole,
  redeem,
  SESSION,
  SESSIONS,
  signIn,
} from "./sessions.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

async function begins({ client }: Stage): Promise<void> {
  const { url } = client;
  const link = ok(await client.post(LINKS, {}));
  assert.ok(link.url.startsWith(`${url}/sign-in#code=`), link.url);
  assert.match(link.expiresAt, RFC3339_UTC);
  assert.match(codeIn(link), TOKEN);

  const answer = await redeem(url, codeIn(link));
  const { id, principal, expiresAt } = ok(answer);
  assert.match(id, KSUID);
  const { principleId } = ok(await client.get("/api/v1/auth/introspect"));
  assert.deepEqual(principal, {
    id: principleId,
    displayName: "Administrator",
    roles: [BUILTIN_ROLE_IDS["system:owner"]],
  });
  assert.ok(Date.parse(expiresAt) > Date.now() + 11 * 3_600_000, expiresAt);
  const pair = cookieOf(answer);
  assert.match(pair, /^invoked_session=[A-Za-z0-9_-]{43}$/);
  const { ageSeconds, others } = attributesOf(answer);
  assert.ok(ageSeconds > 11 * 3600 && ageSeconds <= 12 * 3600, `${ageSeconds}`);
  assert.deepEqual(others, ["HttpOnly", "Path=/", "SameSite=Strict"]);
  assert.equal(answer.headers.get("cache-control"), "no-store");

  assert.deepEqual(ok(await get(url, SESSION, pair)), {
    id,
    principal,
    expiresAt,
    method: "SIGN_IN_METHOD_CLIENT_LINK",
  });
  ok(await get(url, FUNCTIONS, pair));
  const created = await browser(url).post(
    FUNCTIONS,
    { displayName: "by browser" },
    { ...ofConsole(url), cookie: pair },
  );
  ok(created);
}

async function worksOnce({ client }: Stage): Promise<void> {
  const { url } = client;
  const code = await newCode(client);
  const answers = await atOnce(8, () => redeem(url, code));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, ...Array(7).fill(401)]);
  assertError(await redeem(url, code), "LINK_INVALID");
}

async function wrongCodes({ client }: Stage): Promise<void> {
  const { url } = client;
  const headers = ofConsole(url);
  const wrong = ["x", "A".repeat(43), "\u0000".repeat(43), "A".repeat(900)];
  for (const code of wrong) assertError(await redeem(url, code), "LINK_INVALID");
  const invalid = { fields: ["code"] };
  for (const body of [{}, { code: "" }, { code: 1 }, { code: ["x"] }, [], null]) {
    assertError(await browser(url).post(SESSION, body, headers), "INVALID_FIELD", invalid);
  }
  assertError(await browser(url).post(SESSION, "{", headers), "BODY_NOT_JSON");
  assertError(await redeem(url, "A".repeat(2_000)), "BODY_TOO_LARGE");
  // A code in the query would be in logs and histories.
  const code = await newCode(client);
  const inQuery = await browser(url).post(`${SESSION}?code=${code}`, {}, headers);
  assertError(inQuery, "INVALID_FIELD", invalid);
  ok(await redeem(url, code));
}

async function isFromConsole({ client }: Stage): Promise<void> {
  const { url } = client;
  const cookie = await signIn(client);
  const own = ofConsole(url);
  const { origin: _, ...withoutOrigin } = own;
  const { "x-invoked-console": _header, ...withoutHeader } = own;
  const foreign: Record<string, Record<string, string>> = {
    "another origin": { ...own, origin: "https://evil.example" },
    "another port": { ...own, origin: "http://127.0.0.1:1" },
    "another scheme": { ...own, origin: url.replace("http:", "https:") },
    "an opaque origin": { ...own, origin: "null" },
    "no origin": withoutOrigin,
    "no header": withoutHeader,
    "another header": { ...own, "x-invoked-console": "0" },
    "another site": { ...own, "sec-fetch-site": "cross-site" },
    "another host of the site": { ...own, "sec-fetch-site": "same-site" },
  };
  const code = await newCode(client);
  for (const [name, headers] of Object.entries(foreign)) {
    const answers = [
      await browser(url).post(FUNCTIONS, { displayName: name }, { ...headers, cookie }),
      await browser(url).call("DELETE", SESSION, {}, { ...headers, cookie }),
      await browser(url).call("DELETE", `${SESSIONS}/x`, {}, { ...headers, cookie }),
      await redeem(url, code, headers),
    ];
    for (const answer of answers) {
      assertError(answer, "NOT_FROM_CONSOLE");
      assert.equal(answer.headers.get("set-cookie"), null, name);
    }
  }
  for (const site of ["cross-site", "same-site"]) {
    for (const path of [FUNCTIONS, SESSION, SESSIONS]) {
      assertError(await get(url, path, cookie, { "sec-fetch-site": site }), "NOT_FROM_CONSOLE");
    }
  }
  ok(await get(url, FUNCTIONS, cookie, { "sec-fetch-site": "none" }));
  ok(await browser(url).get(FUNCTIONS, { cookie }));
  ok(await redeem(url, code));
}

async function cookies({ client }: Stage): Promise<void> {
  const { url } = client;
  const [first, second] = [await signIn(client), await signIn(client)];
  const nobody = [`${first}; ${second}`, "invoked_session", "other=1", "xinvoked_session=1"];
  for (const cookie of nobody) {
    assert.deepEqual(ok(await get(url, SESSION, cookie)), {}, cookie);
    assertError(await get(url, FUNCTIONS, cookie), "TOKEN_MISSING");
  }
  const ended = [`invoked_session=${"A".repeat(43)}`, "invoked_session=x", "invoked_session="];
  for (const cookie of ended) {
    assert.deepEqual(ok(await get(url, SESSION, cookie)), {}, cookie);
    assertError(await get(url, FUNCTIONS, cookie), "SESSION_ENDED");
  }
  // The name under TLS is that of no cookie here.
  const secure = first.replace("invoked_session", "__Host-invoked_session");
  assertError(await get(url, FUNCTIONS, secure), "TOKEN_MISSING");
  ok(await get(url, FUNCTIONS, `a=b; ${first}; c`));
  // A token that the browser brings is never taken up, and its session before ends.
  const planted = `invoked_session=${"B".repeat(43)}`;
  const headers = { ...ofConsole(url), cookie: planted };
  const answer = await redeem(url, await newCode(client), headers);
  ok(answer);
  assert.notEqual(cookieOf(answer), planted);
  assertError(await get(url, FUNCTIONS, planted), "SESSION_ENDED");
  const again = { ...ofConsole(url), cookie: first };
  ok(await redeem(url, await newCode(client), again));
  assertError(await get(url, FUNCTIONS, first), "SESSION_ENDED");
}

async function credentials({ client }: Stage): Promise<void> {
  const { url } = client;
  const cookie = await signIn(client);
  // A session makes no link to another one.
  assertError(await browser(url).post(LINKS, {}, { ...ofConsole(url), cookie }), "TOKEN_MISSING");
  // A header Authorization counts alone, and needs no header of the console.
  const wrong = { cookie, authorization: "Bearer wrong" };
  assertError(await get(url, FUNCTIONS, cookie, wrong), "TOKEN_INVALID");
  ok(await client.post(FUNCTIONS, { displayName: "by token" }, { cookie, origin: "http://x" }));
}

async function endsOfSessions({ client }: Stage): Promise<void> {
  const { url } = client;
  const [first, second] = [await signIn(client), await signIn(client)];
  const headers = { ...ofConsole(url), "user-agent": "Browser/1 <b>" };
  const { id } = ok(await get(url, SESSION, first));
  const { list } = ok(await get(url, SESSIONS, second));
  const shown = list.find((session: Json) => session.id === id);
  const keys = ["address", "clientId", "createdAt", "expiresAt", "id", "method", "userAgent"];
  assert.deepEqual(Object.keys(shown).toSorted(), keys);
  assert.equal(shown.address, "127.0.0.1");
  assert.equal(shown.method, "SIGN_IN_METHOD_CLIENT_LINK");
  assert.doesNotMatch(JSON.stringify(list), new RegExp(first.slice(16)));

  const cookie = { ...headers, cookie: second };
  ok(await browser(url).call("DELETE", `${SESSIONS}/${id}`, {}, cookie));
  assertError(await get(url, FUNCTIONS, first), "SESSION_ENDED");
  const again = await browser(url).call("DELETE", `${SESSIONS}/${id}`, {}, cookie);
  assertError(again, "SESSION_NOT_FOUND");

  const signedOut = await browser(url).call("DELETE", SESSION, {}, cookie);
  assert.deepEqual(ok(signedOut), {});
  assert.equal(cookieOf(signedOut), "invoked_session=");
  assert.deepEqual(attributesOf(signedOut), {
    ageSeconds: 0,
    others: ["HttpOnly", "Path=/", "SameSite=Strict"],
  });
  assertError(await get(url, FUNCTIONS, second), "SESSION_ENDED");
  assert.deepEqual(ok(await get(url, SESSION, second)), {});
}

async function endsOfClients({ client }: Stage): Promise<void> {
  const { url } = client;
  const made = ok(await client.post(CLIENTS, { displayName: "maker" }));
  const { client: { id, clientId }, clientSecret } = made;
  const maker = await Client.login(url, clientId, clientSecret);
  for (const end of ["disable", "delete"]) {
    const cookie = await signIn(maker);
    const unused = await newCode(maker);
    ok(await get(url, FUNCTIONS, cookie));
    if (end === "disable") {
      const change = { client: { disabled: true }, updateMask: "disabled" };
      ok(await client.post(`${CLIENTS}/${id}`, change));
    } else ok(await client.call("DELETE", `${CLIENTS}/${id}`));
    assertError(await get(url, FUNCTIONS, cookie), "SESSION_ENDED");
    assertError(await redeem(url, unused), "LINK_INVALID");
    if (end === "delete") continue;
    const change = { client: { disabled: false }, updateMask: "disabled" };
    ok(await client.post(`${CLIENTS}/${id}`, change));
    assertError(await get(url, FUNCTIONS, cookie), "SESSION_ENDED");
  }
}

async function roles({ client }: Stage): Promise<void> {
  const { url } = client;
  const made = ok(await client.post(CLIENTS, { displayName: "limited" }));
  const { client: { id, clientId }, clientSecret } = made;
  const limited = await Client.login(url, clientId, clientSecret);
  const cookie = await signIn(limited);
  const change = { client: { scopedRoles: ["reader"] }, updateMask: "scopedRoles" };
  ok(await client.post(`${CLIENTS}/${id}`, change));
  const headers = { ...ofConsole(url), cookie };
  assertError(await browser(url).post(FUNCTIONS, { displayName: "x" }, headers), "ROLE_MISSING");
  ok(await get(url, FUNCTIONS, cookie));
}

/** A session would have all rights of the client: of a token with fewer rights, or with a key, none begins. */
async function cutTokens({ client, server }: Stage): Promise<void> {
  const { url } = client;
  const credentials = await server.credentials();
  const { body } = await client.requestToken(credentials, { scope: "system:viewer" });
  const cut = new Client(url, body.access_token);
  ok(await cut.get(FUNCTIONS));
  assertError(await cut.post(LINKS, {}), "ROLE_MISSING", /scope of this access/);

  const owner = ok(await client.get("/api/v1/auth/introspect")).userId;
  const { credential, clientSecret } = await makeCredential(client, owner, { requireDpop: true });
  const proofs = await newProofs();
  const token = await boundToken(url, { clientId: credential.clientId, clientSecret }, proofs);
  const ofKey = await browser(url).post(LINKS, {}, {
    authorization: `DPoP ${token}`,
    dpop: await proofs.prove("POST", `${url}${LINKS}`, token),
  });
  assertError(ofKey, "ROLE_MISSING", /requires DPoP/);
  const bound = await boundToken(url, credentials, proofs);
  const ofBound = await browser(url).post(LINKS, {}, {
    authorization: `DPoP ${bound}`,
    dpop: await proofs.prove("POST", `${url}${LINKS}`, bound),
  });
  assertError(
    ofBound,
    "ROLE_MISSING",
    /this access token is bound to a key \(DPoP\), and a session proves no key/,
  );
  // A client of few roles has its rights in a session, too.
  const few = await principalSignIn(client, owner, { scopedRoles: ["system:viewer"] });
  ok(await get(url, FUNCTIONS, await signIn(few.as)));
}

/** Links and sessions of one client are bounded, also for requests at once, and take none from another client. */
async function limits({ client }: Stage): Promise<void> {
  const { url } = client;
  const principal = await makePrincipal(client, "many", ["system:viewer"]);
  const { as } = await principalSignIn(client, principal);
  const { as: other } = await principalSignIn(client, principal);
  const older = await signIn(other);
  const made = await atOnce(24, () => as.post(LINKS, {}));
  const links = made.filter(({ status }) => status === 200);
  assert.equal(links.length, 20);
  const [left] = made.filter(({ status }) => status !== 200);
  assert.ok(left);
  ok(await other.post(LINKS, {}));
  for (const answer of made.filter(({ status }) => status !== 200)) {
    const message =
      /this client of many has 20 open links to the console, and a client may have at most 20/;
    assertError(answer, "SESSION_LINK_LIMIT", message);
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
  }
  const [first = assert.fail()] = links;
  const oldest = cookieOf(await redeem(url, codeIn(ok(first))));
  const { id } = ok(await get(url, SESSION, oldest));
  let newest = "";
  for (let n = 0; n < 100; n++) newest = await signIn(as);
  assertError(await get(url, FUNCTIONS, oldest), "SESSION_ENDED");
  ok(await get(url, FUNCTIONS, newest));
  ok(await get(url, FUNCTIONS, older));
  const { list, nextPageToken } = ok(await get(url, `${SESSIONS}?page_size=100`, newest));
  const rest = ok(await get(url, `${SESSIONS}?page_token=${nextPageToken}`, newest)).list;
  // With the session of the other client.
  assert.equal(list.length + rest.length, 101);
  assert.equal(list.some((session: Json) => session.id === id), false);
}

/** A client that was cut ends no session of its principal that has more rights, and its own always. */
async function ofMoreRights({ client }: Stage): Promise<void> {
  const { url } = client;
  const principal = await makePrincipal(client, "cut", ["system:viewer"]);
  const [whole, cut] = [
    await principalSignIn(client, principal),
    await principalSignIn(client, principal, { scopedRoles: ["system:user"] }),
  ];
  const [strong, weak] = [await signIn(whole.as), await signIn(cut.as)];
  const { id } = ok(await get(url, SESSION, strong));
  const rejected = await cut.as.call("DELETE", `${SESSIONS}/${id}`, {});
  assertError(rejected, "ROLE_MISSING", /the session has rights/);
  ok(await get(url, FUNCTIONS, strong));
  const own = ok(await get(url, SESSION, weak));
  ok(await cut.as.call("DELETE", `${SESSIONS}/${own.id}`, {}));
  ok(await whole.as.call("DELETE", `${SESSIONS}/${id}`, {}));
}

/** A function that answers what it got, at an endpoint and as a webhook. */
const ECHO = `export default (input) => ({ headers: input.headers });
export const fetch = (request) => Response.json(Object.fromEntries(request.headers));`;

async function functionsGetNone({ client }: Stage): Promise<void> {
  const { url } = client;
  const cookie = `${await signIn(client)}; __Host-invoked_session=x`;
  const functionId = await client.deploy(ECHO);
  const create = async (trigger: Json) =>
    ok(await client.post(`${FUNCTIONS}/${functionId}/triggers`, { trigger }));
  const http = { slug: "echo", auth: "ENDPOINT_AUTH_OPEN" };
  await create({ displayName: "endpoint", http });
  const bearer = { slug: "guarded", auth: "ENDPOINT_AUTH_BEARER" };
  await create({ displayName: "guarded", http: bearer });
  const hook = await create({
    displayName: "hook",
    webhook: { capabilityUrl: {}, response: "WEBHOOK_RESPONSE_FUNCTION" },
  });

  const sent = { ...ofConsole(url), cookie: `a=1; ${cookie}; b=2` };
  assert.equal(ok(await browser(url).get("/run/echo/", sent)).cookie, undefined);
  const path = new URL(hook.webhookCapabilityUrl).pathname;
  const delivered = ok(await browser(url).post(path, { x: 1 }, sent));
  assert.equal(delivered.headers["user-agent"] === undefined, false);
  assert.equal(delivered.headers.cookie, undefined);
  // The session opens no endpoint, and on a host of an endpoint nothing at all.
  assertError(await browser(url).get("/run/guarded/", sent), "TOKEN_MISSING");
  const head = ["Host: echo.localhost", "Connection: close", `Cookie: ${sent.cookie}`];
  const request = [`GET ${FUNCTIONS} HTTP/1.1`, ...head, "", ""].join("\r\n");
  assert.match(await raw(url, request), /"cookie":"a=1; +b=2"/);
}

sharedSuite("sessions of the console", {
  "begin with the code of a link": begins,
  "begin once for a code, also when several use it at the same time": worksOnce,
  "do not begin with another code": wrongCodes,
  "are for requests of the console alone": isFromConsole,
  "are in one cookie, whose token is always new": cookies,
  "make no links, and count without a token alone": credentials,
  "are listed, revoked and signed out": endsOfSessions,
  "end with the client that made their link": endsOfClients,
  "have the roles of that client": roles,
  "begin with no token of fewer rights, nor of a key": cutTokens,
  "have limits for each client": limits,
  "are revoked by callers with their rights alone": ofMoreRights,
  "reach no function": functionsGetNone,
  "begin with a link of the command line": async ({ client, server }) => {
    const args = ["console", "link", "--data", server.dataDir];
    const printed = await runInvoked([...args, "--server", client.url]);
    assert.equal(printed.code, 0, printed.stderr);
    ok(await redeem(client.url, codeIn({ url: printed.stdout.trim() })));
    const json = await runInvoked([...args, "--server", client.url, "--json"]);
    ok(await redeem(client.url, codeIn(JSON.parse(json.stdout))));
  },
}, "limited");
