/** People as users: what they and owners see, roles, and how a person is offboarded. */
import assert from "node:assert/strict";
import { Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { ask, decide, poll } from "./devices.ts";
import {
  change,
  DEVELOPER,
  OWNER,
  type PeopleStage,
  peopleSuites,
  principalOf,
  setRoles,
  signedIn,
  useLink,
  USER,
  USERS,
  VIEWER,
} from "./people.ts";
import { SIGN_INS } from "./oidc.ts";
import { commands } from "./people_commands.ts";
import { FUNCTIONS, LINKS, SESSION, SESSIONS } from "./sessions.ts";
import { Visitor } from "./visitor.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const SEARCH = "/api/v1/search/users";

async function idsFound(client: Client, search: Json): Promise<string[]> {
  return ok(await client.post(SEARCH, search)).list.map(({ userId }: Json) => userId);
}

async function reads(stage: PeopleStage): Promise<void> {
  const { client } = stage;
  const visitor = await signedIn(stage, "reader1", ["basic"]);
  const { id } = await principalOf(visitor);
  const { principleId } = ok(await client.get("/api/v1/auth/introspect"));
  const own = ok(await visitor.get(`${USERS}/${id}`));
  assert.deepEqual(own, ok(await client.get(`${USERS}/${id}`)));
  assert.deepEqual(own.userView.user.roleIds, [USER]);
  assertError(await visitor.get(`${USERS}/${principleId}`), "PRINCIPAL_NOT_FOUND");
  for (const path of [USERS, `${USERS}/${id}/sessions`]) {
    assertError(await visitor.get(path), "ROLE_MISSING");
  }
  const service = ok(await client.get(`${USERS}/${principleId}`)).userView.user;
  assert.deepEqual([service.type, service.status, service.origin, service.roleIds], [
    "USER_TYPE_SERVICE",
    "ENABLED",
    "USER_ORIGIN_LOCAL",
    [OWNER],
  ]);
  const viewer = await signedIn(stage, "viewer1", ["view"]);
  ok(await viewer.get(`${USERS}/${id}`));
  const { list } = ok(await viewer.get(USERS));
  const listed = list.map(({ userId }: Json) => userId);
  assert.equal(listed.includes(id) && listed.includes(principleId), true);
  const change1 = await change(viewer, "POST", `${USERS}/${id}/roles`, { roleIds: [] });
  assertError(change1, "ROLE_MISSING");
  assertError(await client.get(`${USERS}/x`), "PRINCIPAL_NOT_FOUND");
}

async function searches(stage: PeopleStage): Promise<void> {
  const { client } = stage;
  const [one, two] = [
    await principalOf(await signedIn(stage, "findme1", ["dev"])),
    await principalOf(await signedIn(stage, "findme2")),
  ];
  const { principleId } = ok(await client.get("/api/v1/auth/introspect"));
  assert.deepEqual(await idsFound(client, { query: "FINDME" }), [two.id, one.id]);
  assert.deepEqual(await idsFound(client, { query: "findme%" }), []);
  assert.deepEqual(await idsFound(client, { email: "Findme1@example.test" }), [one.id]);
  assert.deepEqual(await idsFound(client, { ids: [one.id, principleId] }), [one.id, principleId]);
  assert.deepEqual(await idsFound(client, { refs: [{ id: two.id }] }), [two.id]);
  const without = { query: "findme", excludeIds: [two.id] };
  assert.deepEqual(await idsFound(client, without), [one.id]);
  const developers = { query: "findme", roleIds: ["functions:developer"] };
  assert.deepEqual(await idsFound(client, developers), [one.id]);
  const services = { ids: [one.id, principleId], excludeTypes: ["USER_TYPE_HUMAN"] };
  assert.deepEqual(await idsFound(client, services), [principleId]);
  const none = { excludeTypes: ["USER_TYPE_HUMAN", "USER_TYPE_SERVICE"] };
  assert.deepEqual(await idsFound(client, none), []);
  ok(await client.call("PATCH", `${USERS}/${two.id}`, { user: { disabled: true } }));
  ok(await client.call("DELETE", `${USERS}/${one.id}`, {}));
  const statuses = async (...userStatuses: string[]) =>
    await idsFound(client, { query: "findme", userStatuses });
  assert.deepEqual(await statuses(), [two.id]);
  assert.deepEqual(await statuses("DISABLED"), [two.id]);
  assert.deepEqual(await statuses("ENABLED"), []);
  assert.deepEqual(await statuses("DELETED", "DISABLED"), [two.id, one.id]);
}

async function roles(stage: PeopleStage): Promise<void> {
  const { client } = stage;
  const visitor = await signedIn(stage, "roles1", ["basic"]);
  const { id } = await principalOf(visitor);
  assertError(await visitor.get(FUNCTIONS), "ROLE_MISSING");
  const given = await setRoles(client, id, ["functions:developer", VIEWER, DEVELOPER]);
  assert.deepEqual(given.assignedRoleIds, [DEVELOPER, VIEWER]);
  assert.deepEqual(given.roleIds, [DEVELOPER, VIEWER, USER]);
  ok(await visitor.get(FUNCTIONS));
  // A sign-in replaces what groups give, and keeps what owners give.
  stage.provider.accounts.set("roles1", { name: "R", email: "r@example.test", groups: [] });
  await visitor.signIn(stage.provider, "roles1");
  assert.deepEqual((await principalOf(visitor)).roles, [DEVELOPER, VIEWER]);
  assert.deepEqual((await setRoles(client, id, [])).roleIds, []);
  assertError(await visitor.get(FUNCTIONS), "ROLE_MISSING");
  const unknown = { roleIds: ["A".repeat(27)] };
  assertInvalid(await client.post(`${USERS}/${id}/roles`, unknown), "roleIds[0]");
  const named = await client.post(`${USERS}/${id}/roles`, { roleIds: ["system:ownr"] });
  assertInvalid(named, "roleIds[0]");
  const { principleId } = ok(await client.get("/api/v1/auth/introspect"));
  for (const [method, path] of [["POST", "/roles"], ["PATCH", ""], ["DELETE", ""]] as const) {
    const body = { POST: { roleIds: [] }, PATCH: { user: { disabled: true } }, DELETE: {} }[method];
    const answer = await client.call(method, `${USERS}/${principleId}${path}`, body);
    assertError(answer, "PRINCIPAL_NOT_FOUND", /service principal/);
  }
  assertInvalid(await client.call("PATCH", `${USERS}/${id}`, { user: {} }), "user.disabled");
}

/** A session, a second one, a personal client, a token and an approved device of a person. */
async function everything(stage: PeopleStage, login: string) {
  const visitor = await signedIn(stage, login, ["dev"]);
  const other = await signedIn(stage, login, ["dev"]);
  const { id } = await principalOf(visitor);
  const { client: made, clientSecret } = ok(
    await change(visitor, "POST", CLIENTS, { displayName: "laptop" }),
  );
  const token = await Client.login(visitor.url, made.clientId, clientSecret);
  ok(await token.get(FUNCTIONS));
  const { url } = ok(await token.post(LINKS, {}));
  const { user_code, device_code: device } = ok(await ask(visitor.url));
  ok(await decide(visitor.url, "approve", user_code, visitor.cookie("invoked_session")));
  return { visitor, other, id, made, clientSecret, token, link: { url }, device };
}

async function assertOut(person: Awaited<ReturnType<typeof everything>>): Promise<void> {
  const { visitor, other, made, clientSecret, token, link, device } = person;
  for (const each of [visitor, other]) assertError(await each.get(FUNCTIONS), "SESSION_ENDED");
  assertError(await token.get(FUNCTIONS), "TOKEN_INVALID");
  await assert.rejects(Client.login(visitor.url, made.clientId, clientSecret), /invalid_client/);
  await assert.rejects(useLink(new Visitor(visitor.url), link), /LINK_INVALID/);
  await assertDenied(visitor, device);
}

/** An approved device that is denied its token. */
async function assertDenied({ url }: Visitor, device: string): Promise<void> {
  const { status, body } = await poll(url, device);
  assert.deepEqual([status, body.error], [400, "access_denied"]);
}

async function disables(stage: PeopleStage): Promise<void> {
  const { client, provider } = stage;
  const person = await everything(stage, "leaver1");
  const { visitor, id, made, clientSecret } = person;
  const path = `${USERS}/${id}`;
  const disable = { user: { disabled: true }, updateMask: "disabled" };
  const { userView } = ok(await client.call("PATCH", path, disable));
  assert.equal(userView.user.status, "DISABLED");
  await assertOut(person);
  const page = await visitor.signIn(provider, "leaver1");
  assert.equal(page.status, 403);
  assert.match(page.text, /PERSON_DISABLED/);
  // Sessions have ended for good; the client works again.
  ok(await client.call("PATCH", path, { user: { disabled: false } }));
  assertError(await visitor.get(FUNCTIONS), "SESSION_ENDED");
  await assertDenied(visitor, person.device);
  ok(await (await Client.login(visitor.url, made.clientId, clientSecret)).get(FUNCTIONS));
  assert.equal((await visitor.signIn(provider, "leaver1")).status, 303);
}

async function deletes(stage: PeopleStage): Promise<void> {
  const { client, provider } = stage;
  const person = await everything(stage, "leaver2");
  const { visitor, id } = person;
  await setRoles(client, id, [VIEWER]);
  ok(await client.call("DELETE", `${USERS}/${id}`, {}));
  await assertOut(person);
  const { user } = ok(await client.get(`${USERS}/${id}`)).userView;
  assert.deepEqual([user.status, user.roleIds], ["DELETED", []]);
  assertError(await client.call("DELETE", `${USERS}/${id}`, {}), "PRINCIPAL_NOT_FOUND");
  // Whom the provider still knows comes back with the roles of groups alone.
  assert.equal((await visitor.signIn(provider, "leaver2")).status, 303);
  const back = await principalOf(visitor);
  assert.deepEqual([back.id, back.roles], [id, [DEVELOPER]]);
  await assertDenied(visitor, person.device);
  await assert.rejects(
    Client.login(visitor.url, person.made.clientId, person.clientSecret),
    /invalid_client/,
  );
}

async function sessionsOf(stage: PeopleStage): Promise<void> {
  const { client } = stage;
  const first = await signedIn(stage, "sessions1", ["basic"]);
  const second = await signedIn(stage, "sessions1", ["basic"]);
  const third = await signedIn(stage, "sessions1", ["basic"]);
  const { id } = await principalOf(first);
  const { list } = ok(await first.get(SESSIONS));
  assert.equal(list.length, 3);
  assert.deepEqual(Object.keys(list[0]).toSorted(), [
    ...["address", "createdAt", "expiresAt", "id", "method", "userAgent"],
  ]);
  assert.equal(list[0].method, "SIGN_IN_METHOD_PROVIDER");
  assert.deepEqual(ok(await client.get(`${USERS}/${id}/sessions`)).list, list);
  const sessionId = async (visitor: Visitor) => ok(await visitor.get(SESSION)).id;
  const [own, others] = [await sessionId(second), await sessionId(third)];
  ok(await change(first, "DELETE", `${SESSIONS}/${own}`, {}));
  assertError(await second.get(SESSIONS), "SESSION_ENDED");
  ok(await client.call("DELETE", `${USERS}/${id}/sessions/${others}`, {}));
  assertError(await third.get(SESSIONS), "SESSION_ENDED");
  ok(await first.get(SESSIONS));
  const { principleId } = ok(await client.get("/api/v1/auth/introspect"));
  const foreign = `${USERS}/${principleId}/sessions/${await sessionId(first)}`;
  assertError(await client.call("DELETE", foreign, {}), "SESSION_NOT_FOUND");
}

const ROLE_MAP = "dev=functions:developer,boss=system:owner,basic=system:user,view=system:viewer";

peopleSuites("people", { flags: ["--oidc-role-map", ROLE_MAP, "--token-rate", "0"] }, {
  "people sign in with the provider": SIGN_INS,
  "people as users": {
    "are read by themselves, and all by who may list them": reads,
    "are found by text, email, id, role, status and type": searches,
    "have roles of owners beside those of their groups": roles,
    "lose sessions, clients and tokens at once when they are disabled": disables,
    "lose sessions, clients, tokens and roles at once when they are deleted": deletes,
    "list and revoke their sessions, as owners do": sessionsOf,
    "are managed on the command line": commands,
  },
});
