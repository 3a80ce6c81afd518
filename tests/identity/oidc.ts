/** People sign in with a real OpenID Connect provider; what a stranger forges, replays or plants is rejected. */
import assert from "node:assert/strict";
import { generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import type { Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, ok } from "../support/expect.ts";
import { CLIENT_ID, CLIENT_SECRET, type TestProvider } from "../support/oidc_provider.ts";
import {
  addAccount,
  change,
  DEVELOPER,
  type PeopleStage,
  type PeopleSteps,
  principalOf,
  signedIn,
  USERS,
} from "./people.ts";
import { FUNCTIONS, SESSION } from "./sessions.ts";
import { LOGIN, type Page, Visitor } from "./visitor.ts";

/** The error of a response that a program asks for. */
async function asProgram(visitor: Visitor, url: string): Promise<Json> {
  const headers = { accept: "application/json" };
  const { status, headers: received, text } = await visitor.visit(url, {
    site: "cross-site",
    headers,
  });
  return { status, headers: received, body: JSON.parse(text) };
}

function assertFailed(page: Page, status: number, reason: string, message: RegExp): void {
  assert.equal(page.status, status, page.text);
  assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(page.text, new RegExp(`<code>${reason}</code>`));
  assert.match(page.text, message);
  assert.doesNotMatch(String(page.headers.getSetCookie()), /invoked_session=[^;]/);
}

async function begins({ provider, server, client }: PeopleStage): Promise<void> {
  addAccount(provider, "alice", ["dev", "others"]);
  const visitor = new Visitor(server.url);
  const login = await visitor.visit(`${LOGIN}?return_to=%2Ffunctions%3Fquery%3Dx`);
  assert.equal(login.status, 303);
  const asked = new URL(login.location);
  assert.equal(asked.origin, provider.issuer);
  assert.equal(asked.searchParams.get("code_challenge_method"), "S256");
  assert.match(asked.searchParams.get("nonce") ?? "", /^[\w-]{43}$/);
  assert.match(
    visitor.cookies.get("invoked_sign_in")?.attributes ?? "",
    /^Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  const query = "?return_to=%2Ffunctions%3Fquery%3Dx";
  const page = await visitor.signIn(provider, "alice", { query });
  assert.deepEqual([page.status, page.location], [303, "/functions?query=x"]);
  assert.equal(visitor.cookies.has("invoked_sign_in"), false);
  assert.match(
    visitor.cookies.get("invoked_session")?.attributes ?? "",
    /^Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/,
  );

  const { id, displayName, roles } = await principalOf(visitor);
  assert.match(id, KSUID);
  assert.deepEqual([displayName, roles], ["Name of alice", [DEVELOPER]]);
  ok(await visitor.get(FUNCTIONS));
  ok(await change(visitor, "POST", FUNCTIONS, { displayName: "of alice" }));
  const { userView } = ok(await client.get(`${USERS}/${id}`));
  assert.equal(userView.user.lastSignInAt > userView.user.createdAt, false);
  const { createdAt: _c, updatedAt: _u, lastSignInAt: _l, ...user } = userView.user;
  assert.deepEqual({ ...userView, user }, {
    userId: id,
    user: {
      id,
      displayName: "Name of alice",
      email: "alice@example.test",
      emails: ["alice@example.test"],
      username: "alice@example.test",
      usernames: ["alice@example.test"],
      status: "ENABLED",
      type: "USER_TYPE_HUMAN",
      origin: "USER_ORIGIN_DIRECTORY",
      roleIds: [DEVELOPER],
      assignedRoleIds: [],
      managerIds: [],
    },
  });
}

async function subjects(stage: PeopleStage): Promise<void> {
  const { provider, server } = stage;
  const first = await principalOf(await signedIn(stage, "subject1", ["dev"]));
  provider.accounts.set("subject1", { name: "New Name", email: "new@example.test", groups: [] });
  const again = new Visitor(server.url);
  await again.signIn(provider, "subject1");
  const { id, displayName, roles } = await principalOf(again);
  assert.deepEqual([id, displayName, roles], [first.id, "New Name", []]);
  // The email of another person makes nobody that person.
  const email = "subject1@example.test";
  provider.accounts.set("subject2", { name: "Thief", email, email_verified: false, groups: [] });
  const thief = new Visitor(server.url);
  await thief.signIn(provider, "subject2");
  const other = await principalOf(thief);
  assert.notEqual(other.id, first.id);
  // Nor does an email that the provider has not verified show anywhere.
  const { user } = ok(await (await server.client()).get(`/api/v1/users/${other.id}`)).userView;
  assert.deepEqual([user.email, user.emails, user.username], ["", [], ""]);
}

async function withoutRole(stage: PeopleStage): Promise<void> {
  const visitor = await signedIn(stage, "newcomer", ["unknown group"]);
  assert.deepEqual((await principalOf(visitor)).roles, []);
  assertError(
    await visitor.get(FUNCTIONS),
    "ROLE_MISSING",
    /neither an owner nor a group of the provider has given this person a role yet$/,
  );
}

async function returnPaths({ server }: PeopleStage): Promise<void> {
  const outside = [
    ...["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "//"],
    ...["/functions/../run/x", "/run/echo/", "/api/v1/functions", LOGIN, "/docs", "functions"],
    ...["/functions\r\nSet-Cookie:a=1", "/functions\t", "/%2fevil.example", "javascript:alert(1)"],
    ...["/functions?q=\u00e9", `/functions?q=${"x".repeat(2_000)}`, ""],
  ];
  for (const path of outside) {
    const url = `${LOGIN}?return_to=${encodeURIComponent(path)}`;
    const visitor = new Visitor(server.url);
    assertInvalid(await asProgram(visitor, url), "return_to");
    assert.equal(visitor.cookies.size, 0, path);
    assertFailed(
      await visitor.visit(url),
      400,
      "INVALID_FIELD",
      /must be the path of a page of the console/,
    );
  }
}

async function foreignResponses({ provider, server }: PeopleStage): Promise<void> {
  addAccount(provider, "victim");
  addAccount(provider, "attacker");
  const message = /belongs to no sign-in that this browser began/;
  const tokens = () => provider.requests.filter((request) => request === "POST /token").length;
  const before = tokens();
  const reject = async (visitor: Visitor, callback: string) =>
    assertFailed(await visitor.comeBack(callback), 401, "SIGN_IN_FAILED", message);

  const attacker = new Visitor(server.url);
  const planted = await attacker.toCallback(provider, "attacker");
  // Without a cookie: the attacker makes the victim follow the link.
  const victim = new Visitor(server.url);
  await reject(victim, planted);
  // With the victim's own cookie.
  await victim.visit(LOGIN);
  await reject(victim, planted);
  // With a cookie that was changed, and with two of them.
  const [first] = [attacker.cookies.get("invoked_sign_in")?.value ?? ""];
  for (const value of ["x", "", first.slice(0, -4), `${first.slice(0, -4)}AAAA`]) {
    victim.cookies.set("invoked_sign_in", { value, attributes: "" });
    await reject(victim, planted);
  }
  victim.cookies.set("invoked_sign_in", {
    value: `${first}; invoked_sign_in=${first}`,
    attributes: "",
  });
  await reject(victim, planted);
  // A state that is missing, wrong, or given twice.
  const url = new URL(planted);
  const state = url.searchParams.get("state") ?? "";
  for (const states of [[], ["x"], [`${state}x`], [state, state], ["x", state]]) {
    url.searchParams.delete("state");
    for (const one of states) url.searchParams.append("state", one);
    await reject(attacker, url.href);
  }
  assert.equal(tokens(), before);
  // The sign-in itself is unharmed, and works once.
  const cookie = attacker.cookies.get("invoked_sign_in") ?? assert.fail();
  assert.equal((await attacker.comeBack(planted)).status, 303);
  assert.equal(tokens(), before + 1);
  attacker.cookies.set("invoked_sign_in", cookie);
  await reject(attacker, planted);
  assert.equal(tokens(), before + 1);
  assert.deepEqual(ok(await victim.get(SESSION)), { providerSignInPath: LOGIN });
}

async function foreignCodes({ provider, server }: PeopleStage): Promise<void> {
  addAccount(provider, "carol");
  addAccount(provider, "mallory");
  const message = /rejected it, or its response was not valid/;
  const [carol, mallory] = [new Visitor(server.url), new Visitor(server.url)];
  const code = new URL(await carol.toCallback(provider, "carol")).searchParams.get("code") ?? "";
  // A stolen code has another verifier (PKCE).
  const stolen = new URL(await mallory.toCallback(provider, "mallory"));
  stolen.searchParams.set("code", code);
  assertFailed(await mallory.comeBack(stolen.href), 401, "SIGN_IN_FAILED", /invalid_grant/);
  for (const change of [{ code: "x" }, { iss: "https://evil.example" }, { iss: undefined }]) {
    const url = new URL(await mallory.toCallback(provider, "mallory"));
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    assertFailed(await mallory.comeBack(url.href), 401, "SIGN_IN_FAILED", message);
  }
  const denied = new URL(await mallory.toCallback(provider, "mallory"));
  denied.searchParams.delete("code");
  denied.searchParams.set("error", "access_denied");
  denied.searchParams.set("error_description", "<script>alert(1)</script>");
  const page = await mallory.comeBack(denied.href);
  assertFailed(page, 401, "SIGN_IN_FAILED", /\(access_denied\)/);
  assert.doesNotMatch(page.text, /script/);
  assert.deepEqual(ok(await mallory.get(SESSION)), { providerSignInPath: LOGIN });
}

/** Signs the claims of a token again. */
type Resign = (claims: JWTPayload, provider: TestProvider) => Promise<string> | string;

function signed(change: Record<string, unknown>): Resign {
  return async (claims, { privateJwk }) =>
    await new SignJWT({ ...claims, ...change })
      .setProtectedHeader({ alg: "RS256", kid: "test" }).sign(await importJWK(privateJwk, "RS256"));
}

const unsigned = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
const past = Math.floor(Date.now() / 1000) - 3_600;

/** ID tokens that are not the provider's for this sign-in. */
const FORGED: Readonly<Record<string, Resign>> = {
  "for another nonce": signed({ nonce: "x" }),
  "without a nonce": signed({ nonce: undefined }),
  "of another issuer": signed({ iss: "https://evil.example" }),
  "for another client": signed({ aud: "another" }),
  "for several clients": signed({ aud: ["another", CLIENT_ID], azp: "another" }),
  "that has expired": signed({ iat: past, exp: past + 60 }),
  "without a subject": signed({ sub: undefined }),
  "with a subject of more than 255 characters": signed({ sub: "s".repeat(256) }),
  "signed by a stranger": async (claims) => {
    const { privateKey } = await generateKeyPair("RS256");
    return await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "test" })
      .sign(privateKey);
  },
  "with the secret of the client as its key": async (claims) =>
    await new SignJWT(claims).setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(CLIENT_SECRET)),
  "without a signature": (claims) => `${unsigned({ alg: "none" })}.${unsigned(claims)}.`,
  "with another claim than was signed": async (claims, provider) => {
    const [head, , signature] = (await signed({})(claims, provider)).split(".");
    return `${head}.${unsigned({ ...claims, groups: ["boss"] })}.${signature}`;
  },
  "that is no token": () => "x",
};

async function forgedTokens({ provider, server }: PeopleStage): Promise<void> {
  addAccount(provider, "frank", ["dev"]);
  const claimsOf = (token: unknown) =>
    JSON.parse(Buffer.from(String(token).split(".")[1] ?? "", "base64url").toString());
  const attempt = async (forge: (body: Record<string, unknown>) => Promise<Json> | Json) => {
    const visitor = new Visitor(server.url);
    provider.forgeries.set("/token", forge);
    try {
      return await visitor.signIn(provider, "frank");
    } finally {
      provider.forgeries.delete("/token");
    }
  };
  const message = /rejected it, or its response was not valid/;
  for (const resign of Object.values(FORGED)) {
    const page = await attempt(async (body) => ({
      ...body,
      id_token: await resign(claimsOf(body["id_token"]), provider),
    }));
    assertFailed(page, 401, "SIGN_IN_FAILED", message);
  }
  assertFailed(await attempt(({ id_token: _, ...body }) => body), 401, "SIGN_IN_FAILED", message);
  // The same way with the provider's own token works.
  const page = await attempt(async (body) => ({
    ...body,
    id_token: await signed({})(claimsOf(body["id_token"]), provider),
  }));
  assert.equal(page.status, 303, page.text);
}

async function providerDown({ provider, server }: PeopleStage): Promise<void> {
  addAccount(provider, "dora");
  const message = /provider of this server is not available: try again later/;
  const visitor = new Visitor(server.url);
  const callback = await visitor.toCallback(provider, "dora");
  provider.outage = 503;
  const page = await visitor.comeBack(callback);
  provider.outage = undefined;
  assertFailed(page, 503, "PROVIDER_UNAVAILABLE", message);
  assert.equal(page.headers.get("retry-after"), "5");
  // A response without end is cut off.
  const again = await visitor.toCallback(provider, "dora");
  provider.forgeries.set("/token", (body) => ({ ...body, more: "x".repeat(1024 ** 2) }));
  assertFailed(await visitor.comeBack(again), 503, "PROVIDER_UNAVAILABLE", message);
  provider.forgeries.clear();
  assert.equal((await visitor.signIn(provider, "dora")).status, 303);
}

async function signsOut(stage: PeopleStage): Promise<void> {
  const { provider } = stage;
  const visitor = await signedIn(stage, "olga");
  const { endSessionUrl } = ok(await change(visitor, "DELETE", SESSION, {}));
  const url = new URL(endSessionUrl);
  assert.equal(url.origin + url.pathname, `${provider.issuer}/session/end`);
  assert.equal(url.searchParams.get("post_logout_redirect_uri"), `${visitor.url}/sign-in`);
  assert.equal((await visitor.visit(endSessionUrl)).status, 200);
  assertError(await visitor.get(FUNCTIONS), "SESSION_ENDED");
}

async function otherNames({ server }: PeopleStage): Promise<void> {
  const visitor = new Visitor(server.url.replace("127.0.0.1", "localhost"));
  const { status, location } = await visitor.visit(`${LOGIN}?return_to=%2Ffunctions`);
  const own = `${server.url}${LOGIN}?return_to=%2Ffunctions&redirected=true`;
  assert.deepEqual([status, location], [303, own]);
  assert.equal(visitor.cookies.size, 0);
}

/** Of people whose group `dev` has the role of developers, and `boss` that of owners. */
export const SIGN_INS: PeopleSteps = {
  "and come back to the console with the roles of their groups": begins,
  "and are known by issuer and subject, not by email": subjects,
  "and do nothing without a role": withoutRole,
  "and return to pages of the console alone": returnPaths,
  "and responses for other browsers, or used before, are rejected": foreignResponses,
  "and codes of other sign-ins, and errors of the provider, are rejected": foreignCodes,
  "and forged ID tokens are rejected": forgedTokens,
  "unless the provider is not available": providerDown,
  "and out of the provider, too": signsOut,
  "at the one name of the server that the provider knows": otherNames,
};
