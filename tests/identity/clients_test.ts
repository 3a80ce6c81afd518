/** The clients of a principal: each is limited, disabled and deleted alone, and its access tokens follow. */
import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { eventually } from "../support/eventually.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite } from "../support/suite.ts";
import {
  INTROSPECT,
  makeCredential,
  makePrincipal,
  ownId,
  setRolesOf,
  signIn,
} from "./principals.ts";
import { boundToken, newProofs, type Proofs, requestToken } from "./proofs.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const VIEWER = BUILTIN_ROLE_IDS["system:viewer"];
const INVOKER = BUILTIN_ROLE_IDS["functions:invoker"];

interface Made {
  readonly id: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly answer: Json;
}

async function make(client: Client, spec: Json): Promise<Made> {
  const answer = ok(await client.post(CLIENTS, spec));
  const { client: { id, clientId }, clientSecret } = answer;
  return { id, clientId, clientSecret, answer };
}

function login(client: Client, { clientId, clientSecret }: Made): Promise<Client> {
  return Client.login(client.url, clientId, clientSecret);
}

async function assertNoToken(client: Client, made: Made): Promise<void> {
  const { status, body } = await client.form("/auth/v1/token", {
    grant_type: "client_credentials",
    client_id: made.clientId,
    client_secret: made.clientSecret,
  });
  assert.deepEqual([status, body.error], [401, "invalid_client"]);
}

const set = (client: Client, { id }: Pick<Made, "id">, change: Json, updateMask?: string) =>
  client.post(`${CLIENTS}/${id}`, { client: change, updateMask });

async function proven(url: string, token: string, proofs: Proofs) {
  const dpop = await proofs.prove("GET", `${url}${INTROSPECT}`, token);
  return { authorization: `DPoP ${token}`, dpop };
}

sharedSuite("clients", {
  "have an id, a secret that is answered once, and the roles that they are limited to": async (
    { client },
  ) => {
    const scopedRoles = [BUILTIN_ROLE_IDS["functions:invoker"]];
    const made = await make(client, { displayName: "ci", scopedRoles: ["invoker"] });
    const { principleId } = ok(await client.get(INTROSPECT));
    const { createdAt, updatedAt, ...shown } = made.answer.client;
    assert.match(made.id, KSUID);
    assert.match(made.clientId, /^[a-z]+-[a-z]+-\d{5}@127\.0\.0\.1:\d+\/pcc$/);
    assert.match(made.clientSecret, /^secret-token:conductorone\.com:v1:[\w-]+$/);
    for (const time of [createdAt, updatedAt]) assert.match(time, RFC3339_UTC);
    assert.deepEqual(shown, {
      id: made.id,
      clientId: made.clientId,
      userId: principleId,
      displayName: "ci",
      scopedRoles,
      allowSourceCidr: [],
      disabled: false,
    });
    assert.deepEqual(ok(await client.get(`${CLIENTS}/${made.id}`)).client, made.answer.client);
    const { list } = ok(await client.get(`${CLIENTS}?page_size=100`));
    assert.deepEqual(list.find(({ id }: Json) => id === made.id), made.answer.client);

    const ci = await login(client, made);
    const id = await client.deploy(MAIN);
    ok(await ci.invoke(id));
    assert.deepEqual(ok(await ci.get(INTROSPECT)).roles, scopedRoles);
    const denied = await ci.post("/api/v1/functions", { displayName: "x" });
    assertError(denied, "PERMISSION_DENIED", "ROLE_MISSING");
    ok(await set(client, made, { scopedRoles: [] }));
    const { commit } = await ci.createFunction("by ci", { "main.ts": MAIN });
    assert.equal(commit.author, "ci");
  },

  "lose their tokens when they are disabled, until they are enabled": async ({ client }) => {
    const made = await make(client, { displayName: "switched" });
    const switched = await login(client, made);
    ok(await switched.get(INTROSPECT));
    assert.equal(ok(await set(client, made, { disabled: true }, "disabled")).client.disabled, true);
    const answer = await switched.get(INTROSPECT);
    const message =
      /its client or principal was deleted or is disabled, or the client has expired$/;
    assertError(answer, "UNAUTHENTICATED", "TOKEN_INVALID", { message });
    await assertNoToken(client, made);
    ok(await set(client, made, { disabled: false }, "disabled"));
    ok(await switched.get(INTROSPECT));
    ok(await (await login(client, made)).get(INTROSPECT));
  },

  "lose their tokens when they are deleted": async ({ client }) => {
    const made = await make(client, { displayName: "deleted" });
    const deleted = await login(client, made);
    ok(await deleted.get(INTROSPECT));
    assert.deepEqual(ok(await client.call("DELETE", `${CLIENTS}/${made.id}`)), {});
    assertError(await deleted.get(INTROSPECT), "UNAUTHENTICATED", "TOKEN_INVALID");
    await assertNoToken(client, made);
    for (
      const gone of [
        await client.get(`${CLIENTS}/${made.id}`),
        await client.call("DELETE", `${CLIENTS}/${made.id}`),
        await set(client, made, { disabled: false }),
      ]
    ) assertError(gone, "NOT_FOUND", "CLIENT_NOT_FOUND");
  },

  "neither disable nor limit themselves, and of two that delete each other one remains": async (
    { client },
  ) => {
    const [one, two] = [
      await make(client, { displayName: "one" }),
      await make(client, { displayName: "two" }),
    ];
    const [asOne, asTwo] = [await login(client, one), await login(client, two)];
    const own = [
      await set(asOne, one, { disabled: true }),
      await set(asOne, one, { scopedRoles: ["reader"] }),
      await set(asOne, one, { allowSourceCidr: ["10.0.0.0/8"] }),
    ];
    for (const answer of own) {
      assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["id"] });
    }
    ok(await set(asOne, one, { displayName: "renamed" }));
    const answers = await Promise.all([
      asOne.call("DELETE", `${CLIENTS}/${two.id}`),
      asTwo.call("DELETE", `${CLIENTS}/${one.id}`),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401]);
  },

  "delete themselves if they are personal clients, and otherwise not": async (
    { server, client },
  ) => {
    const made = await make(client, { displayName: "leaving" });
    const leaving = await login(client, made);
    ok(await leaving.call("DELETE", `${CLIENTS}/${made.id}`));
    await assertNoToken(client, made);
    // The first client of a server has the id of its principal.
    const { principleId } = ok(await client.get(INTROSPECT));
    const { clientId } = await server.credentials();
    assert.equal(ok(await client.get(`${CLIENTS}/${principleId}`)).client.clientId, clientId);
    const answer = await client.call("DELETE", `${CLIENTS}/${principleId}`);
    assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["id"] });
  },

  "take requests in snake_case, and today's names of roles": async ({ client }) => {
    const made = await make(client, {
      display_name: "snake",
      scoped_roles: ["reader", "functions:invoker", VIEWER],
      allow_source_cidr: ["127.0.0.0/8", "::1"],
      expires: "600s",
    });
    const { displayName, scopedRoles, allowSourceCidr } = made.answer.client;
    assert.deepEqual([displayName, allowSourceCidr], ["snake", ["127.0.0.0/8", "::1/128"]]);
    assert.deepEqual(new Set(scopedRoles), new Set([VIEWER, INVOKER]));
    const changed = ok(
      await client.post(`${CLIENTS}/${made.id}`, {
        client: { display_name: "renamed", allow_source_cidr: [] },
        update_mask: "display_name,allow_source_cidr",
      }),
    );
    assert.equal(changed.client.displayName, "renamed");
    assert.deepEqual(changed.client.allowSourceCidr, []);
  },

  "are used from their networks alone, also with a token that they have": async ({ client }) => {
    const made = await make(client, { displayName: "here", allowSourceCidr: ["127.0.0.0/8"] });
    const here = await login(client, made);
    ok(await here.get(INTROSPECT));
    ok(await set(client, made, { allowSourceCidr: ["10.0.0.0/8", "2001:db8::/32"] }));
    await assertNoToken(client, made);
    assertError(await here.get(INTROSPECT), "UNAUTHENTICATED", "SOURCE_NOT_ALLOWED");
  },

  "live at most 180 days, and never longer than they were made for": async ({ client }) => {
    const made = await make(client, { displayName: "short-lived", expires: "86400s" });
    const end = Date.parse(made.answer.client.expiresTime);
    const at = (ms: number) => new Date(ms).toISOString();
    const rejected = [
      [at(end + 60_000), /never extended/],
      [null, /cannot be removed/],
      [at(Date.now() - 1000), /has passed/],
      ["tomorrow", /RFC 3339/],
    ] as const;
    for (const [expiresTime, why] of rejected) {
      const answer = await set(client, made, { expiresTime }, "expiresTime");
      const fields = ["client.expiresTime"];
      assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { message: why, fields });
    }
    const sooner = at(end - 3_600_000);
    assert.equal(ok(await set(client, made, { expiresTime: sooner })).client.expiresTime, sooner);
    const endless = await make(client, { displayName: "endless" });
    const late = await set(client, endless, { expiresTime: at(Date.now() + 181 * 86_400_000) });
    assertError(late, "INVALID_ARGUMENT", "INVALID_FIELD", { message: /more than 180 d ahead/ });
    ok(await set(client, endless, { expiresTime: at(Date.now() + 179 * 86_400_000) }));
  },

  "show when they were last used": async ({ client }) => {
    const made = await make(client, { displayName: "used" });
    assert.equal(made.answer.client.lastUsedAt, undefined);
    const before = Date.now();
    ok(await (await login(client, made)).get(INTROSPECT));
    const used = await eventually(async () =>
      ok(await client.get(`${CLIENTS}/${made.id}`)).client.lastUsedAt
    );
    assert.match(used, RFC3339_UTC);
    assert.ok(Date.parse(used) >= before - 1000, used);
  },

  "neither get nor change more than their maker has": async ({ client }) => {
    const made = await make(client, { displayName: "viewer", scopedRoles: [VIEWER] });
    const viewer = await login(client, made);
    const narrowed = ok(await viewer.post(CLIENTS, { displayName: "by a viewer" })).client;
    assert.deepEqual(narrowed.scopedRoles, [VIEWER]);
    const whole = await make(client, { displayName: "whole" });
    for (
      const answer of [
        await viewer.post(CLIENTS, { displayName: "x", scopedRoles: ["system:owner"] }),
        await viewer.post(`${CLIENTS}/${narrowed.id}`, {
          client: { scopedRoles: ["system:owner"] },
        }),
        await viewer.call("DELETE", `${CLIENTS}/${whole.id}`),
        await set(viewer, whole, { disabled: true }),
      ]
    ) assertError(answer, "PERMISSION_DENIED", "ROLE_MISSING");
    ok(await viewer.call("DELETE", `${CLIENTS}/${narrowed.id}`));
    ok(await client.get(`${CLIENTS}/${whole.id}`));
  },

  "stay cut when their principal gets further roles": async ({ client }) => {
    const principal = await makePrincipal(client, "growing", [VIEWER]);
    const { as } = await signIn(client, principal, { scopedRoles: [VIEWER] });
    const made = await make(as, { displayName: "child" });
    const child = await login(client, made);
    const wider = await as.post(CLIENTS, { displayName: "x", scopedRoles: ["system:owner"] });
    assertError(wider, "PERMISSION_DENIED", "ROLE_MISSING");
    await setRolesOf(client, principal, ["system:owner"]);
    assert.deepEqual(made.answer.client.scopedRoles, [VIEWER]);
    const denied = await child.post("/api/v1/functions", { displayName: "x" });
    assertError(denied, "PERMISSION_DENIED", "ROLE_MISSING");
    // A role of the credential that exceeds its principal may be named.
    const small = await makePrincipal(client, "small", [VIEWER]);
    const { as: exceeding } = await signIn(client, small, { scopedRoles: ["system:owner"] });
    const named = await make(exceeding, { displayName: "y", scopedRoles: ["system:owner"] });
    assert.equal(named.answer.client.scopedRoles.length, 1);
  },

  "neither outlive their maker nor leave its networks and proofs": async ({ client }) => {
    const owner = await ownId(client);
    const soon = { expires: "600s", allowSourceCidrs: ["127.0.0.0/8", "10.1.0.0/16"] };
    const { as, credential } = await signIn(client, owner, soon);
    const made = await make(as, { displayName: "child" });
    const { allowSourceCidr, expiresTime } = made.answer.client;
    assert.equal(expiresTime, credential.expiresAt);
    assert.deepEqual(allowSourceCidr, credential.allowSourceCidrs);
    const narrow = { displayName: "narrow", allowSourceCidr: ["127.0.0.0/16"], expires: "60s" };
    const { client: narrower } = (await make(as, narrow)).answer;
    assert.deepEqual(narrower.allowSourceCidr, ["127.0.0.0/16"]);
    assert.ok(Date.parse(narrower.expiresTime) < Date.parse(credential.expiresAt));
    for (const wide of ["126.0.0.0/7", "10.2.0.0/16", "::/0", "0.0.0.0/0"]) {
      const outside = { allowSourceCidr: ["127.0.0.1", wide] };
      const message = /is not within the networks of the client/;
      const fields = (prefix: string) => ({ fields: [`${prefix}allowSourceCidr[1]`], message });
      const spec = { displayName: "wide", ...outside };
      const rejected = await as.post(CLIENTS, spec);
      assertError(rejected, "INVALID_ARGUMENT", "INVALID_FIELD", fields(""));
      const changed = await set(as, made, outside);
      assertError(changed, "INVALID_ARGUMENT", "INVALID_FIELD", fields("client."));
    }
    const reset = ok(await set(as, made, { allowSourceCidr: [] }, "allowSourceCidr"));
    assert.deepEqual(reset.client.allowSourceCidr, credential.allowSourceCidrs);
    ok(await set(client, made, { allowSourceCidr: [] }, "allowSourceCidr"));
    // An API key is no way around these limits, either.
    const key = await makeCredential(client, owner, { ...soon, kind: "CREDENTIAL_KIND_API_KEY" });
    const ofKey = await make(new Client(client.url, key.clientSecret), { displayName: "of key" });
    assert.equal(ofKey.answer.client.expiresTime, key.credential.expiresAt);

    const bound = await makeCredential(client, owner, { requireDpop: true });
    const proofs = await newProofs();
    const { clientId } = bound.credential;
    const token = await boundToken(client.url, { ...bound, clientId }, proofs);
    const ofBound = ok(
      await new Client(client.url, undefined).post(CLIENTS, { displayName: "bound" }, {
        authorization: `DPoP ${token}`,
        dpop: await proofs.prove("POST", `${client.url}${CLIENTS}`, token),
      }),
    );
    const { clientSecret } = ofBound;
    const credentials = { clientId: ofBound.client.clientId, clientSecret };
    const bearer = await requestToken(client.url, credentials);
    assert.deepEqual([bearer.status, bearer.body.error], [400, "invalid_dpop_proof"]);
    ok(
      await new Client(client.url, undefined).get(INTROSPECT, {
        ...await proven(client.url, await boundToken(client.url, credentials, proofs), proofs),
      }),
    );
  },

  "leave what owners made to those who manage credentials": async ({ client }) => {
    const principal = await makePrincipal(client, "siblings", ["functions:developer"]);
    const { as } = await signIn(client, principal);
    const kinds = ["CREDENTIAL_KIND_SECRET", "CREDENTIAL_KIND_API_KEY"];
    for (const kind of kinds) {
      const spec = { kind, allowSourceCidrs: ["10.0.0.0/8"] };
      const { credential } = await makeCredential(client, principal, spec);
      const path = `/api/v1/service_principals/${principal}/credentials/${credential.id}`;
      const disabled = { credential: { disabled: true }, updateMask: "disabled" };
      ok(await client.call("PATCH", path, disabled));
      for (
        const answer of [
          await set(as, credential, { disabled: false }, "disabled"),
          await set(as, credential, { allowSourceCidr: [] }, "allowSourceCidr"),
          await set(as, credential, { displayName: "x", disabled: false }),
          await set(as, credential, { scopedRoles: [] }, "scopedRoles"),
        ]
      ) {
        const message = /UpdateCredential: the operation needs the role system:owner/;
        assertError(answer, "PERMISSION_DENIED", "ROLE_MISSING", { message });
      }
      const deleted = await as.call("DELETE", `${CLIENTS}/${credential.id}`);
      assertError(deleted, "PERMISSION_DENIED", "ROLE_MISSING", { message: /RevokeCredential/ });
      ok(await set(as, credential, { displayName: "renamed" }));
      const kept = ok(await client.get(path)).credential;
      assert.deepEqual(
        [kept.displayName, kept.disabled, kept.allowSourceCidrs],
        ["renamed", true, ["10.0.0.0/8"]],
      );
    }
    const own = await make(as, { displayName: "own" });
    ok(await set(as, own, { disabled: true }));
    ok(await as.call("DELETE", `${CLIENTS}/${own.id}`));
    // An owner goes on managing its own credentials here.
    const { credential } = await makeCredential(client, await ownId(client));
    ok(await set(client, credential, { disabled: true }));
    ok(await client.call("DELETE", `${CLIENTS}/${credential.id}`));
  },

  "have tokens that end with them": async ({ client }) => {
    const made = await make(client, { displayName: "short", expires: "600s" });
    assert.match(made.answer.client.expiresTime, RFC3339_UTC);
    const { status, body } = await client.form("/auth/v1/token", {
      grant_type: "client_credentials",
      client_id: made.clientId,
      client_secret: made.clientSecret,
    });
    assert.equal(status, 200);
    assert.ok(body.expires_in > 0 && body.expires_in <= 600, String(body.expires_in));
  },

  "reject values that they cannot have, by field": async ({ client }) => {
    const cases: [Json, string][] = [
      [{}, "displayName"],
      [{ displayName: "" }, "displayName"],
      [{ displayName: "x", scopedRoles: ["root"] }, "scopedRoles[0]"],
      [{ displayName: "x", expires: "59s" }, "expires"],
      [{ displayName: "x", expires: "15552001s" }, "expires"],
      [{ displayName: "x", expires: "1h" }, "expires"],
      [{ displayName: "x", allowSourceCidr: ["10.0.0.0/33"] }, "allowSourceCidr[0]"],
      [{ displayName: "x", allowSourceCidr: Array(33).fill("10.0.0.0/8") }, "allowSourceCidr"],
    ];
    for (const [body, field] of cases) {
      const answer = await client.post(CLIENTS, body);
      assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: [field] });
    }
    const made = await make(client, { displayName: "kept" });
    const unnamed = await set(client, made, {}, "displayName");
    assertError(unnamed, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["client.displayName"] });
    const readOnly = await set(client, made, { clientId: "x" }, "clientId");
    assertError(readOnly, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["updateMask"] });
  },

  "are managed by the command line": async ({ server, client }) => {
    const run = async (args: string[], env = { INVOKED_DATA: server.dataDir } as Json) => {
      const { code, stdout, stderr } = await runInvoked(["clients", ...args], { cwd: "/", env });
      return { code, stdout, stderr };
    };
    const created = await run(["create", "ada", "--role", "reader", "--expires", "30d", "--json"]);
    const { serverUrl, clientId, clientSecret } = JSON.parse(created.stdout);
    assert.equal(serverUrl, client.url);
    const env = {
      INVOKED_SERVER_URL: serverUrl,
      INVOKED_CLIENT_ID: clientId,
      INVOKED_CLIENT_SECRET: clientSecret,
    };
    const listed = await run(["list", "--json"], env);
    assert.equal(listed.code, 0, listed.stderr);
    const { id, scopedRoles } = JSON.parse(listed.stdout)
      .find(({ displayName }: Json) => displayName === "ada");
    assert.deepEqual(scopedRoles, [BUILTIN_ROLE_IDS["system:viewer"]]);
    assert.match(
      (await run(["disable", id.slice(0, -1)])).stdout,
      /^Disabled client ada \(\w{27}\)\n$/,
    );
    assert.match((await run(["list"])).stdout, /^ada\t.*\tsystem:viewer\tdisabled\t/m);
    assert.match((await run(["delete", "ada", "--yes"])).stdout, /^Deleted client ada /);
    const missing = await run(["enable", "ada"]);
    assert.equal(missing.code, 1, missing.stderr);
    assert.match(
      missing.stderr,
      /Client "ada" not found: .* has no client with this name or id\nnext: /,
    );
  },
});
