/** The audit log on the wire: what is on record, how it is listed, and its form. */
import assert from "node:assert/strict";
import { Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok } from "../support/expect.ts";
import { makeCredential, makePrincipal, signIn } from "../identity/principals.ts";
import { boundToken, newProofs } from "../identity/proofs.ts";
import { signIn as browse } from "../identity/sessions.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import { added, assertOcsf, events, lastUid, page, resourcesOf, verification } from "./support.ts";

const SECRET = "a-value-that-no-event-has";

/** Every rejection of a credential that is proved: by its network, its key, its state and its end. */
async function rightCredentials({ client, server: { url } }: Stage): Promise<void> {
  const principal = await makePrincipal(client, "Rejected", ["system:viewer"]);
  const far = { allowSourceCidrs: ["192.0.2.0/24"], displayName: "far" };
  const secret = await makeCredential(client, principal, far);
  const key = await makeCredential(client, principal, { ...far, kind: "CREDENTIAL_KIND_API_KEY" });
  const bound = await makeCredential(client, principal, { requireDpop: true, displayName: "key" });
  const disabled = await makeCredential(client, principal, { displayName: "off" });
  const { as: browsing, credential: ofSession } = await signIn(client, principal, {
    displayName: "browsing",
  });
  const path = (id: string) => `/api/v1/service_principals/${principal}/credentials/${id}`;
  const { clientId } = bound.credential;
  const proofs = await newProofs();
  const token = await boundToken(url, { ...bound, clientId }, proofs);
  const cookie = await browse(browsing);
  const stranger = new Client(url, undefined);
  const get = (headers: Record<string, string>) => stranger.get("/api/v1/functions", headers);
  const dpop = await proofs.prove("GET", `${url}/api/v1/functions`, token);
  const withProof = { authorization: `DPoP ${token}`, dpop };
  ok(await get(withProof));
  const change = { credential: { disabled: true }, updateMask: "disabled" };
  ok(await client.call("PATCH", path(disabled.credential.id), change));
  const narrowed = { credential: { allowSourceCidrs: ["192.0.2.0/24"] } };
  ok(await client.call("PATCH", path(ofSession.id), narrowed));

  const requested = ({ credential, clientSecret }: Json, more: Json = {}) =>
    client.requestToken({ clientId: credential.clientId, clientSecret }, more);
  const left = await added(client, async () => {
    await get({ authorization: `Bearer ${key.clientSecret}` });
    await requested(secret);
    await requested(bound);
    await requested(bound, { scope: "no-role" });
    await get({ authorization: `Bearer ${token}` });
    await get({ authorization: `DPoP ${token}`, dpop: "x" });
    await get(withProof);
    await requested(disabled);
    await get({ cookie });
    // Whoever does not prove the credential is named by nothing.
    await requested({ ...bound, clientSecret: secret.clientSecret });
    await get({ authorization: `Bearer ${key.clientSecret}x` });
  });
  const id = ({ credential }: Json) => credential.clientId;
  assert.deepEqual(
    left.map(({ status_code: code, user: { uid, name, credential_uid } }) => [
      code,
      uid === principal,
      name,
      credential_uid,
    ]),
    [
      ["SOURCE_NOT_ALLOWED", true, "far", id(key)],
      ["invalid_client", true, "far", id(secret)],
      ["invalid_dpop_proof", true, "key", id(bound)],
      ["invalid_scope", true, "key", id(bound)],
      ["PROOF_MISSING", true, "key", id(bound)],
      ["PROOF_INVALID", true, "key", id(bound)],
      ["PROOF_INVALID", true, "key", id(bound)],
      ["invalid_client", true, "off", id(disabled)],
      ["SESSION_ENDED", true, "browsing", ofSession.clientId],
      ["invalid_client", false, "unknown", id(bound)],
      ["TOKEN_INVALID", false, "unknown", undefined],
    ],
  );
  const ended = left.find(({ status_code }) => status_code === "SESSION_ENDED");
  assert.match(ended?.session.uid, KSUID);
  const disable = { servicePrincipal: { disabled: true }, updateMask: "disabled" };
  ok(await client.call("PATCH", `/api/v1/service_principals/${principal}`, disable));
  const [gone] = await added(client, () => get(withProof)).then((events) =>
    events.filter(({ status_code }) => status_code === "TOKEN_INVALID")
  );
  assert.deepEqual([gone?.user.uid, gone?.user.credential_uid], [principal, id(bound)]);
}

serverSuite("the audit log", {}, {
  "a change names who made it, from where and what it changed": async ({ client }) => {
    let id = "";
    const [event, ...others] = await added(client, async () => {
      const answer = await client.post("/api/v1/functions", { displayName: "audited" }, {
        "request-id": "request-1",
        "user-agent": "test/1",
      });
      id = ok(answer).function.id;
    });
    assert.deepEqual(others, []);
    assert.match(event.metadata.uid, KSUID);
    assert.deepEqual(resourcesOf(event), [{ type: "function", uid: id, change: "created" }]);
    const { class_uid, activity_id, status_id, actor, api, src_endpoint, http_request } = event;
    assert.deepEqual([class_uid, activity_id, status_id], [6003, 1, 1]);
    assert.equal(api.operation, "c1.api.functions.v1.FunctionsService.CreateFunction");
    assert.equal(api.request.uid, "request-1");
    assert.deepEqual([actor.user.name, actor.user.type], ["Administrator", "service"]);
    assert.match(actor.user.credential_uid, /@.*\/spc$/);
    assert.deepEqual(src_endpoint, { ip: "127.0.0.1" });
    assert.deepEqual(http_request, { http_method: "POST", user_agent: "test/1" });
  },

  "secrets are named, and their values are nowhere": async ({ client, server }) => {
    const { function: { id } } = await client.createFunction("secret");
    const update = (secret: Json) => client.update(id, { secret }, "secret");
    const [first, second] = await added(client, async () => {
      ok(await update({ KEEP: SECRET, DROP: SECRET }));
      ok(await update({ KEEP: "" }));
    });
    const secret = (name: string, change: string) => ({
      type: "secret",
      name,
      namespace: id,
      change,
    });
    const ofSecrets = (event: Json) => resourcesOf(event).filter(({ type }) => type === "secret");
    assert.deepEqual(ofSecrets(first), [secret("KEEP", "created"), secret("DROP", "created")]);
    assert.deepEqual(ofSecrets(second), [secret("DROP", "deleted")]);
    assert.ok(!JSON.stringify(await events(client)).includes(SECRET));
    const { clientSecret } = await server.credentials();
    assert.ok(!JSON.stringify(await events(client)).includes(clientSecret.slice(40)));
  },

  "a change that fails or is only checked leaves no event": async ({ client }) => {
    const { function: { id } } = await client.createFunction("rolled back");
    const left = await added(client, async () => {
      const bad = await client.update(id, {
        displayName: "other",
        secret: { OLD: "value", NEW: "" },
      }, "displayName,secret");
      assert.equal(bad.status, 400);
      const checked = await client.post(`/api/v1/functions/${id}/triggers/apply`, {
        changes: [{ trigger: { displayName: "t", schedule: { cronSpec: "0 0 * * *" } } }],
        validateOnly: true,
      });
      ok(checked);
      const dryRun = { filter: {}, dryRun: true };
      ok(await client.post(`/api/v1/functions/${id}/invocations/cancel`, dryRun));
      ok(await client.get(`/api/v1/functions/${id}`));
    });
    assert.deepEqual(left, []);
  },

  "an invocation leaves no event, and what it changes through the API does": async ({ client }) => {
    const id = await deployWithSdk(
      client,
      `const { function: made } = (await sdk.functions.createFunction({ displayName: "nested" }))
        .functionsServiceCreateFunctionResponse;
      return { id: made.id };`,
      ["administrator"],
    );
    const [event, ...others] = await added(client, () => outputOf(client, id));
    assert.deepEqual(others, []);
    assert.deepEqual([event.actor.user.uid, event.actor.user.type], [id, "function"]);
    assert.equal(event.src_endpoint.svc_name, "function");
    assert.match(event.src_endpoint.instance_uid, KSUID);
  },

  "denied calls and rejected credentials are on record": async ({ client, server }) => {
    const made = ok(
      await client.post("/api/v1/iam/personal_clients", {
        displayName: "Reader",
        scopedRoles: ["reader"],
      }),
    );
    const { clientId } = made.client;
    const reader = await Client.login(server.url, clientId, made.clientSecret);
    const left = await added(client, async () => {
      assertError(await reader.call("DELETE", "/api/v1/functions/some-id"), "ROLE_MISSING");
      const forged = new Client(server.url, `${reader.token}x`);
      assertError(await forged.get("/api/v1/functions"), "TOKEN_INVALID");
      const form = { grant_type: "client_credentials", client_id: clientId, client_secret: "no" };
      assert.equal((await forged.form("/auth/v1/token", form)).status, 401);
      const code = "x".repeat(43);
      const origin = { origin: server.url, "x-invoked-console": "1" };
      const signIn = await new Client(server.url, undefined).post("/auth/v1/session", { code }, {
        ...origin,
        "content-type": "application/json",
      });
      assertError(signIn, "LINK_INVALID");
    });
    const shown = left.map(({ class_uid, status_id, status_code, activity_name, api }) => [
      class_uid,
      status_id,
      status_code,
      activity_name ?? api.operation,
    ]);
    assert.deepEqual(shown, [
      [6003, 2, "ROLE_MISSING", "c1.api.functions.v1.FunctionsService.DeleteFunction"],
      [3002, 2, "TOKEN_INVALID", "access_token"],
      [3002, 2, "invalid_client", "client_credentials"],
      [3002, 2, "LINK_INVALID", "logon"],
    ]);
    const [denied, , token] = left;
    assert.deepEqual(resourcesOf(denied), [{ type: "function", uid: "some-id" }]);
    assert.equal(denied.actor.user.credential_uid, clientId);
    // What a stranger says of itself is no name.
    assert.deepEqual(token.user, {
      name: "unknown",
      credential_uid: clientId,
      type_id: 99,
      type: "service",
    });
  },

  "texts of strangers are no names, and are cut off": async ({ client }) => {
    const client_id = `Administrator${"x".repeat(2_000)}`;
    const left = await added(client, async () => {
      const forms = [
        ["/auth/v1/token", { grant_type: "client_credentials", client_id, client_secret: "no" }],
        ["/auth/v1/token", { grant_type: "no", client_id }],
        ["/auth/v1/device_authorization", { client_id }],
      ] as const;
      for (const [path, form] of forms) assert.ok((await client.form(path, form)).status >= 400);
    });
    assert.equal(left.length, 3);
    for (const { user } of left) {
      assert.deepEqual([user.name, user.uid], ["unknown", undefined]);
      assert.equal(user.credential_uid, client_id.slice(0, 256));
    }
    assert.deepEqual(await events(client, { actor: client_id.slice(0, 256) }), []);
  },

  "a credential that is right and rejected is on record with its holder": rightCredentials,

  "a denied call of an endpoint is on record": async ({ client, server }) => {
    const id = await client.deploy("export default { fetch: () => new Response('x') };");
    const http = { slug: "guarded", auth: "ENDPOINT_AUTH_BEARER" };
    const trigger = { displayName: "guarded", http };
    ok(await client.post(`/api/v1/functions/${id}/triggers`, { trigger }));
    const made = ok(
      await client.post("/api/v1/iam/personal_clients", {
        displayName: "Reader of endpoints",
        scopedRoles: ["reader"],
      }),
    );
    const reader = await Client.login(server.url, made.client.clientId, made.clientSecret);
    const [event, ...others] = await added(client, async () => {
      assert.equal((await reader.get("/run/guarded")).status, 403);
    });
    assert.deepEqual(others, []);
    assert.deepEqual([event.activity_name, event.status_code], ["endpoint", "ROLE_MISSING"]);
    assert.deepEqual(
      [event.user.name, event.user.credential_uid],
      ["Reader of endpoints", made.client.clientId],
    );
  },

  "a token and a session are on record before they are used": async ({ client, server }) => {
    const { clientId, clientSecret } = await server.credentials();
    const left = await added(client, async () => {
      await Client.login(server.url, clientId, clientSecret);
      const { url } = ok(await client.post("/auth/v1/session_links", {}));
      const anybody = new Client(server.url, undefined);
      const console = { origin: server.url, "x-invoked-console": "1" };
      const signedIn = await anybody.post(
        "/auth/v1/session",
        { code: new URL(url).hash.slice("#code=".length) },
        { ...console, "content-type": "application/json" },
      );
      const { id } = ok(signedIn);
      const [cookie = ""] = (signedIn.headers.get("set-cookie") ?? "").split(";");
      ok(await anybody.call("DELETE", "/auth/v1/session", {}, { ...console, cookie }));
      assert.match(id, KSUID);
    });
    const shown = left.map(({ activity_name, api, status_id, user }) => [
      activity_name ?? api.operation,
      status_id,
      user?.credential_uid,
    ]);
    assert.deepEqual(shown, [
      ["client_credentials", 1, clientId],
      ["invoked.SessionService.CreateLink", 1, undefined],
      ["logon", 1, clientId],
      ["logoff", 1, clientId],
    ]);
    const { expires_in, token_type } = left[0]?.unmapped ?? {};
    assert.deepEqual([expires_in, token_type], [3600, "Bearer"]);
  },

  "pages go through the log in both directions, and neither repeat nor omit": async (
    { client },
  ) => {
    const sinceEventUid = await lastUid(client);
    const ids: string[] = [];
    for (let at = 0; at < 25; at++) ids.push((await client.createFunction(`f${at}`)).function.id);
    const upTo = await lastUid(client);
    await client.createFunction("later");
    const range = { sinceEventUid, untilEventUid: upTo, pageSize: 10 };
    const idsOf = (list: Json[]) => list.map(({ resources: [fn] }) => fn.uid);
    assert.deepEqual(idsOf(await events(client, range)), ids);
    const desc = { ...range, sortDirection: "SORT_DIRECTION_DESC" };
    assert.deepEqual(idsOf(await events(client, desc)), ids.toReversed());
    const first = await page(client, range);
    assert.equal(first.list.length, 10);
    const foreign = { ...desc, pageToken: first.nextPageToken };
    assertError(await client.post("/api/v1/systemlog/events", foreign), "INVALID_PAGE_TOKEN");
  },

  "events are found by time, actor, operation, resource and outcome": async (
    { client, server },
  ) => {
    const { function: { id } } = await client.createFunction("found", { "main.ts": MAIN });
    const [made] = await events(client, { resource: id });
    assert.equal(made.api.operation, "c1.api.functions.v1.FunctionsService.CreateFunction");
    const since = new Date(made.time).toISOString();
    assert.deepEqual((await events(client, { since, resource: id }))[0], made);
    assert.deepEqual(await events(client, { until: since, resource: id }), []);
    assert.deepEqual(await events(client, { since: "2999-01-01T00:00:00Z" }), []);
    const verb = await events(client, { operation: "CreateFunction" });
    assert.deepEqual(verb, await events(client, { operation: made.api.operation }));
    assert.ok(verb.length > 1);
    const { clientId } = await server.credentials();
    for (const actor of ["Administrator", made.actor.user.uid]) {
      assert.deepEqual(await events(client, { actor, resource: id }), [made], clientId);
    }
    assert.deepEqual(await events(client, { actor: "Nobody" }), []);
    assert.deepEqual(await events(client, { operation: "%" }), []);
    const before = await lastUid(client);
    const stranger = await fetch(`${server.url}/api/v1/functions`, {
      headers: { authorization: "Bearer nonsense" },
    });
    await stranger.body?.cancel();
    await client.createFunction('"status_id":2,');
    const outcome = async (name: string) =>
      (await events(client, { sinceEventUid: before, outcome: `EVENT_OUTCOME_${name}` }))
        .map(({ status_id }) => status_id);
    assert.deepEqual(await outcome("FAILURE"), [2]);
    assert.deepEqual(new Set(await outcome("SUCCESS")), new Set([1]));
    assert.equal((await outcome("UNSPECIFIED")).length, (await outcome("SUCCESS")).length + 1);
    const unknown = { sinceEventUid: "x".repeat(27) };
    assertInvalid(
      await client.post("/api/v1/systemlog/events", unknown),
      "sinceEventUid",
      /no event has the uid/,
    );
  },

  "a flood of rejected tokens is counted, and does not fill the log": async (
    { client, server },
  ) => {
    const left = await added(client, async () => {
      const forged = new Client(server.url, "forged");
      for (let at = 0; at < 60; at++) {
        assert.equal((await forged.get("/api/v1/functions")).status, 401);
      }
    });
    assert.ok(left.length <= 25, `${left.length} events`);
  },

  "every event is one of OCSF 1.3, and the chain is intact": async ({ client }) => {
    const all = await events(client);
    for (const event of all) assertOcsf(event);
    assert.deepEqual(all.map(({ metadata }) => metadata.sequence), all.map((_, at) => at + 1));
    const { head, findings, events: count } = await verification(client);
    assert.deepEqual([findings, count], [[], String(all.length)]);
    assert.equal(head.eventUid, all.at(-1).metadata.uid);
    await client.createFunction("after the head was noted");
    assert.deepEqual((await verification(client, { head: head.hash })).findings, []);
    const [cut] = (await verification(client, { head: "0".repeat(63) + "1" })).findings;
    assert.deepEqual([cut.kind, /was cut or replaced/.test(cut.description)], ["cut", true]);
    assertInvalid(
      await client.post("/api/v1/systemlog/verify", { head: "ABC" }),
      "head",
      /SHA-256/,
    );
  },
});
