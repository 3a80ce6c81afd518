/** Credentials of service principals: client secrets and API keys, their limits, and what ends them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { newApiKey } from "../../src/shared/api_keys.ts";
import { added } from "../audit/support.ts";
import { atOnce } from "../support/at_once.ts";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { quietSuite } from "../support/suite.ts";
import { ask, decide, poll } from "./devices.ts";
import { CLIENTS } from "./own_clients.ts";
import {
  INTROSPECT,
  makeCredential,
  makePrincipal,
  makeRole,
  ownId,
  PRINCIPALS,
  setRolesOf,
  signIn,
} from "./principals.ts";
import { assertNoToken } from "./own_clients.ts";
import { get, newCode, redeem, signIn as signInToConsole } from "./sessions.ts";
import { slowly } from "./slow_requests.ts";

const VIEWER = "000000000000000systemviewer";
const INVOKER = "00000000000functionsinvoker";
const API_KEY = { kind: "CREDENTIAL_KIND_API_KEY" };
const DAY = 24 * 3600 * 1000;

const pathOf = (principalId: string, id: string) =>
  `${PRINCIPALS}/${principalId}/credentials/${id}`;
const patch = (client: Client, { servicePrincipalId, id }: Json, credential: Json, mask?: string) =>
  client.call("PATCH", pathOf(servicePrincipalId, id), { credential, updateMask: mask });

quietSuite("credentials of service principals", {
  "are made with a secret that is answered once, and expire": async ({ client }) => {
    const principal = await makePrincipal(client, "ci", ["system:owner"]);
    const spec = {
      display_name: "laptop",
      scoped_roles: ["functions:invoker"],
      allow_source_cidrs: ["127.0.0.1", "::ffff:127.9.9.9/104", "2001:DB8::1/32", "127.0.0.1/32"],
      expires: "2592000s",
      require_dpop: false,
    };
    const { credential, clientSecret } = await makeCredential(client, principal, spec);
    assert.match(clientSecret, /^secret-token:conductorone\.com:v1:[\w-]+$/);
    const { id, clientId, createdAt, updatedAt, expiresAt, ...shown } = credential;
    assert.match(id, KSUID);
    assert.match(clientId, /^[a-z]+-[a-z]+-\d{5}@127\.0\.0\.1:\d+\/spc$/);
    for (const time of [createdAt, updatedAt]) assert.match(time, RFC3339_UTC);
    assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 30 * DAY);
    assert.deepEqual(shown, {
      servicePrincipalId: principal,
      displayName: "laptop",
      scopedRoleIds: [INVOKER],
      allowSourceCidrs: ["127.0.0.1/32", "127.0.0.0/8", "2001:db8::/32"],
      requireDpop: false,
      disabled: false,
      kind: "CREDENTIAL_KIND_SECRET",
      neverExpires: false,
    });
    assert.deepEqual(ok(await client.get(pathOf(principal, id))).credential, credential);
    const { list } = ok(await client.get(`${PRINCIPALS}/${principal}/credentials`));
    assert.deepEqual(list, [credential]);

    const byDefault = (await makeCredential(client, principal)).credential;
    assert.equal(Date.parse(byDefault.expiresAt) - Date.parse(byDefault.createdAt), 180 * DAY);
    assert.deepEqual([byDefault.displayName, byDefault.scopedRoleIds], ["", []]);
    const mine = ok(await client.get(`${PRINCIPALS}/${await ownId(client)}/credentials`)).list;
    assert.deepEqual([mine.at(-1).neverExpires, mine.at(-1).expiresAt], [true, undefined]);
  },

  "are rejected with fields out of their ranges": async ({ client }) => {
    const principal = await makePrincipal(client, "strict");
    const many = Array.from({ length: 33 }, (_, at) => `10.0.${at}.0/24`);
    const wrong: [Json, string, RegExp][] = [
      [{ expires: "59s" }, "expires", /59 s is not between 60 s and 180 d/],
      [{ expires: "15552001s" }, "expires", /is not between 60 s and 180 d/],
      [{ expires: "180d" }, "expires", /number of seconds/],
      [
        { allowSourceCidrs: ["10.0.0.0/8", "10.0.0.0/33"] },
        "allowSourceCidrs[1]",
        /"10.0.0.0\/33"/,
      ],
      [{ allowSourceCidrs: ["10.1/8"] }, "allowSourceCidrs[0]", /is not a network/],
      [{ allowSourceCidrs: many }, "allowSourceCidrs", /32/],
      [{ scopedRoles: ["nobody"] }, "scopedRoles[0]", /"nobody" is not a role/],
      [{ scopedRoles: ["2NoSuchRole0000000000000000"] }, "scopedRoles[0]", /is not a role/],
      [{ kind: "API_KEY" }, "kind", /./],
      [{ ...API_KEY, requireDpop: true }, "requireDpop", /in place of an access token/],
      [{ displayName: "x".repeat(257) }, "displayName", /./],
    ];
    for (const [spec, field, message] of wrong) {
      const answer = await client.post(`${PRINCIPALS}/${principal}/credentials`, spec);
      assertInvalid(answer, field, message);
    }
    const missing = "2NoSuchPrincipal00000000000";
    const answer = await client.post(`${PRINCIPALS}/${missing}/credentials`, {});
    assertError(answer, "PRINCIPAL_NOT_FOUND");
    const { list } = ok(await client.get(`${PRINCIPALS}/${principal}/credentials`));
    assert.deepEqual(list, []);
  },

  "limit live tokens by roles and networks at once, and never live longer": async ({ client }) => {
    const principal = await makePrincipal(client, "limited", ["functions:developer"]);
    const { as, credential } = await signIn(client, principal);
    const fn = await as.deploy(MAIN);
    ok(await as.invoke(fn));
    const { scopedRoleIds } = ok(
      await patch(client, credential, { scopedRoleIds: ["reader"] }, "scopedRoleIds"),
    ).credential;
    assert.deepEqual(scopedRoleIds, [VIEWER]);
    assertError(await as.invoke(fn), "ROLE_MISSING");
    // The credential has the role, but its principal lacks the right.
    assertError(await as.get(PRINCIPALS), "ROLE_MISSING");
    ok(await as.get("/api/v1/functions"));
    ok(await patch(client, credential, { scopedRoleIds: [] }, "scoped_role_ids"));
    ok(await as.invoke(fn));

    ok(await patch(client, credential, { allowSourceCidrs: ["192.0.2.0/24"] }));
    assertError(await as.get(INTROSPECT), "SOURCE_NOT_ALLOWED");
    ok(await patch(client, credential, { allowSourceCidrs: ["127.0.0.0/8"] }));
    ok(await as.get(INTROSPECT));
    const sent = { ...credential, displayName: "renamed", expiresAt: "2100-01-01T00:00:00Z" };
    const after = ok(await patch(client, credential, sent, "displayName")).credential;
    assert.deepEqual([after.displayName, after.expiresAt], ["renamed", credential.expiresAt]);
    for (const mask of ["expiresAt", "requireDpop", "clientId", "kind"]) {
      assertInvalid(await patch(client, credential, sent, mask), "updateMask");
    }
    const unknown = await patch(client, credential, { scopedRoleIds: [VIEWER, "x".repeat(27)] });
    assertInvalid(unknown, "credential.scopedRoleIds[1]");
  },

  "limit and end the sessions of their links": async ({ client }) => {
    const principal = await makePrincipal(client, "browsing", ["system:viewer"]);
    const { as, credential } = await signIn(client, principal);
    const cookie = await signInToConsole(as);
    const code = await newCode(as);
    ok(await patch(client, credential, { allowSourceCidrs: ["192.0.2.0/24"] }));
    const session = () => get(client.url, INTROSPECT, cookie);
    assertError(await session(), "SESSION_ENDED");
    assertError(await redeem(client.url, code), "LINK_INVALID");
    ok(await patch(client, credential, { allowSourceCidrs: [] }));
    ok(await session());
    ok(await patch(client, credential, { disabled: true }));
    ok(await patch(client, credential, { disabled: false }));
    assertError(await session(), "SESSION_ENDED");
  },

  "give no rights to a body that comes slowly once the rights have ended": async ({ client }) => {
    const principal = await makePrincipal(client, "slow", ["functions:developer"]);
    const narrowed = await makePrincipal(client, "slow and narrowed", ["functions:developer"]);
    const ending = await signIn(client, principal);
    const revoke = () => client.call("DELETE", pathOf(principal, ending.credential.id), {});
    const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "slow" }));
    const writer = await signIn(client, principal);
    const end = () => client.call("DELETE", pathOf(principal, writer.credential.id), {});
    const file = `/api/v1/vfs/volumes/${volume.id}/files/late.txt`;
    const [kept, revoked, without, written] = await Promise.all([
      slowly((await signIn(client, principal)).as, () => Promise.resolve()),
      slowly(ending.as, revoke),
      slowly((await signIn(client, narrowed)).as, () => setRolesOf(client, narrowed, [VIEWER])),
      slowly(writer.as, end, { request: `PUT ${file}` }),
    ]);
    assert.match(written, /HTTP\/1\.1 401 [^]*TOKEN_INVALID/);
    assertError(await client.get(file), "VOLUME_FILE_NOT_FOUND");
    assert.match(kept, /HTTP\/1\.1 200 /);
    assert.match(revoked, /HTTP\/1\.1 401 [^]*TOKEN_INVALID/);
    assert.match(without, /HTTP\/1\.1 403 [^]*ROLE_MISSING/);
  },

  "end with their tokens when they are disabled or revoked": async ({ client }) => {
    const principal = await makePrincipal(client, "ending", ["system:viewer"]);
    const { as, credential, clientSecret } = await signIn(client, principal);
    ok(await patch(client, credential, { disabled: true }, "disabled"));
    assertError(await as.get(INTROSPECT), "TOKEN_INVALID");
    await assertNoToken(client, { clientId: credential.clientId, clientSecret });
    ok(await patch(client, credential, { disabled: false }, "disabled"));
    ok(await as.get(INTROSPECT));
    const path = pathOf(principal, credential.id);
    assert.deepEqual(ok(await client.call("DELETE", path, {})), {});
    assertError(await as.get(INTROSPECT), "TOKEN_INVALID");
    await assertNoToken(client, { clientId: credential.clientId, clientSecret });
    const other = await makePrincipal(client, "other");
    const { credential: others } = await makeCredential(client, other);
    for (
      const answer of [
        await client.get(path),
        await client.call("DELETE", path),
        await patch(client, credential, { disabled: false }),
        await client.get(pathOf(principal, others.id)),
        await client.call("DELETE", pathOf(principal, others.id)),
      ]
    ) assertError(answer, "CREDENTIAL_NOT_FOUND");
  },

  "end with their tokens and sessions when they expire": async ({ server, client }) => {
    const principal = await makePrincipal(client, "expiring", ["system:viewer"]);
    const { as, credential, clientSecret } = await signIn(client, principal);
    const { credential: ofKey, clientSecret: key } = await makeCredential(
      client,
      principal,
      API_KEY,
    );
    const withKey = new Client(client.url, key);
    const cookie = await signInToConsole(as);
    const session = () => get(client.url, INTROSPECT, cookie);
    for (const answer of [await as.get(INTROSPECT), await withKey.get(INTROSPECT)]) ok(answer);
    ok(await session());

    using database = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
    const expire = database.prepare("update credentials set expires_at = ? where id = ?");
    for (const { id } of [credential, ofKey]) {
      expire.run(new Date(Date.now() - 1000).toISOString(), id);
    }
    // A change through the API makes the server read the credentials again.
    ok(await patch(client, credential, { displayName: "expired" }));
    for (const answer of [await as.get(INTROSPECT), await withKey.get(INTROSPECT)]) {
      assertError(answer, "TOKEN_INVALID");
    }
    assertError(await session(), "SESSION_ENDED");
    await assertNoToken(client, { clientId: credential.clientId, clientSecret });
  },

  "neither limit nor revoke themselves": async ({ client }) => {
    const principal = await makePrincipal(client, "own", ["system:owner"]);
    const { as, credential } = await signIn(client, principal);
    const changes = [{ disabled: true }, { scopedRoleIds: [VIEWER] }, {
      allowSourceCidrs: ["192.0.2.1"],
    }];
    const answers = await Promise.all(changes.map((change) => patch(as, credential, change)));
    answers.push(await as.call("DELETE", pathOf(principal, credential.id)));
    for (const answer of answers) assertInvalid(answer, "id");
    ok(await patch(as, credential, { displayName: "mine" }));
    ok(await client.call("DELETE", `${PRINCIPALS}/${principal}`));
  },

  "as API keys are accepted wherever access tokens are": async ({ client }) => {
    const principal = await makePrincipal(client, "script", ["functions:developer"]);
    const made = await makeCredential(client, principal, { ...API_KEY, displayName: "cron" });
    const { credential, clientSecret: key } = made;
    assert.match(key, /^invoked_[0-9A-Za-z]{49}$/);
    assert.equal(credential.kind, "CREDENTIAL_KIND_API_KEY");
    assert.equal(credential.lastUsedAt, undefined);
    const { list } = ok(await client.get(`${PRINCIPALS}/${principal}/credentials`));
    assert.ok(!JSON.stringify(list).includes(key));
    const as = new Client(client.url, key);
    const id = await as.deploy(`export default () => ({}); export const fetch = (request) =>
      Response.json([...request.headers.keys()]);`);
    ok(await as.invoke(id));
    const preview = await as.get(`/preview/${id}/HEAD/`);
    assert.equal(preview.status, 200, JSON.stringify(preview.body));
    assert.ok(!preview.body.includes("authorization"));
    assert.equal(ok(await as.get(INTROSPECT)).userId, principal);
    await assertNoToken(client, { clientId: credential.clientId, clientSecret: key });
    const lastUsedAt = await eventually(async () => {
      const answer = await client.get(pathOf(principal, credential.id));
      return ok(answer).credential.lastUsedAt;
    }, "the use of the key");
    assert.match(lastUsedAt, RFC3339_UTC);

    const forged = new Client(client.url, `${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`);
    const shown = new Client(client.url, key.slice(0, -1));
    // Of the right form, and of no credential.
    const unknown = new Client(client.url, newApiKey());
    for (const wrong of [forged, shown, unknown]) {
      assertError(await wrong.get(INTROSPECT), "TOKEN_INVALID");
    }
    ok(await patch(client, credential, { allowSourceCidrs: ["192.0.2.0/24"] }));
    assertError(await as.get(INTROSPECT), "SOURCE_NOT_ALLOWED");
    ok(await patch(client, credential, { allowSourceCidrs: [], scopedRoleIds: ["system:user"] }));
    assertError(await as.invoke(id), "ROLE_MISSING");
    ok(await client.call("DELETE", pathOf(principal, credential.id)));
    assertError(await as.get(INTROSPECT), "TOKEN_INVALID");
  },

  "as API keys reach no function": async ({ client }) => {
    const principal = await makePrincipal(client, "caller", ["functions:developer"]);
    const { clientSecret: key } = await makeCredential(client, principal, API_KEY);
    const fn = await client.deploy(`export default {
      fetch: (request) => Response.json(request.headers.get("authorization")),
    };`);
    const bearer = { displayName: "own", http: { slug: "keyed", auth: "ENDPOINT_AUTH_BEARER" } };
    const open = { displayName: "open", http: { slug: "open", auth: "ENDPOINT_AUTH_OPEN" } };
    for (const trigger of [bearer, open]) {
      ok(await client.post(`/api/v1/functions/${fn}/triggers`, { trigger }));
    }
    const as = new Client(client.url, key);
    for (const slug of ["keyed", "open"]) {
      const { status, body } = await as.get(`/run/${slug}`);
      assert.deepEqual([status, body], [200, null], slug);
    }
    for (const authorization of ["Bearer of the function", "Bearer invoked_by_somebody"]) {
      const { body } = await client.get("/run/open", { authorization });
      assert.equal(body, authorization);
    }
    const later = await client.get("/run/open", { authorization: `Basic x, Bearer ${key}` });
    assert.equal(later.body, null);
  },

  "are at most 100 for each principal, whatever its own clients make": async ({ client }) => {
    const principal = await makePrincipal(client, "many", ["system:owner"]);
    const { as: cut } = await signIn(client, principal, { scopedRoles: ["system:user"] });
    const make = () => cut.post(CLIENTS, { displayName: "own" });
    const own = await Promise.all(Array.from({ length: 103 }, make));
    const create = (spec: Json = API_KEY) =>
      client.post(`${PRINCIPALS}/${principal}/credentials`, spec);
    const managed = await atOnce(103, () => create());
    const counts = [own, managed].map((list) => list.filter(({ status }) => status === 200).length);
    assert.deepEqual(counts, [100, 99], "the client that makes the others counts, too");
    const [first = assert.fail()] = managed.filter(({ status }) => status === 200);
    const over = (list: typeof own) => list.filter(({ status }) => status !== 200);
    const limited = (what: string) => new RegExp(`many has 100 ${what}, and .* at most 100`);
    for (const answer of [...over(managed), await create({})]) {
      assertError(answer, "CREDENTIAL_LIMIT", limited("secrets, API keys and trusts"));
    }
    for (const answer of [...over(own), await make()]) {
      assertError(answer, "CREDENTIAL_LIMIT", limited("personal clients and devices"));
    }
    ok(await client.call("DELETE", pathOf(principal, ok(first).credential.id)));
    assertError(await make(), "CREDENTIAL_LIMIT");
    ok(await create());
  },

  "count devices among personal clients": async ({ client }) => {
    const principal = await makePrincipal(client, "devices", ["system:owner"]);
    const { as } = await signIn(client, principal);
    const cookie = await signInToConsole(as);
    const [approved, late] = [ok(await ask(client.url)), ok(await ask(client.url))];
    ok(await decide(client.url, "approve", approved.user_code, cookie));
    const make = () => as.post(CLIENTS, { displayName: "own" });
    const own = await Promise.all(Array.from({ length: 100 }, make));
    assertError(await decide(client.url, "approve", late.user_code, cookie), "CREDENTIAL_LIMIT");
    const events = await added(client, async () => {
      const full = await poll(client.url, approved.device_code);
      assert.deepEqual([full.status, full.body.error], [400, "access_denied"]);
      assert.match(full.body.error_description, /a principal may have at most 100/);
    });
    assert.deepEqual(events.map(({ user }) => user?.uid), [principal], "the holder is on record");
    const { client: { id } } = ok(own[0] ?? assert.fail());
    ok(await as.call("DELETE", `${CLIENTS}/${id}`));
    ok(await poll(client.url, approved.device_code));
    assertError(await make(), "CREDENTIAL_LIMIT");
  },

  "note when they were used, also for tokens": async ({ client }) => {
    const principal = await makePrincipal(client, "used", ["system:viewer"]);
    const { credential } = await signIn(client, principal);
    await eventually(
      async () => ok(await client.get(pathOf(principal, credential.id))).credential.lastUsedAt,
      "the use",
    );
  },

  "are narrowed by custom roles to functions": async ({ client }) => {
    const principal = await makePrincipal(client, "narrow", ["system:owner"]);
    const [mine, others] = [await client.deploy(MAIN), await client.deploy(MAIN)];
    const role = await makeRole(client, {
      displayName: "my function",
      permissions: ["c1.api.functions.v1.FunctionsService.Invoke"],
      functionIds: [mine],
    });
    const { as } = await signIn(client, principal, { scopedRoles: [role.id] });
    ok(await as.invoke(mine));
    assertError(await as.invoke(others), "ROLE_MISSING");
    await setRolesOf(client, principal, []);
    assertError(await as.invoke(mine), "ROLE_MISSING");
  },
});
