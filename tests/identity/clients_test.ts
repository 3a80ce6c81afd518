/** The clients of a principal: each is limited, disabled and deleted alone, and its access tokens follow. */
import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import type { Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { eventually } from "../support/eventually.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite } from "../support/suite.ts";
import { INTROSPECT } from "./principals.ts";
import { assertNoToken, CLIENTS, INVOKER, login, make, set, VIEWER } from "./own_clients.ts";
import { slowly } from "./slow_requests.ts";

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
    assertError(await ci.post("/api/v1/functions", { displayName: "x" }), "ROLE_MISSING");
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
    assertError(answer, "TOKEN_INVALID", message);
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
    assertError(await deleted.get(INTROSPECT), "TOKEN_INVALID");
    await assertNoToken(client, made);
    for (
      const gone of [
        await client.get(`${CLIENTS}/${made.id}`),
        await client.call("DELETE", `${CLIENTS}/${made.id}`),
        await set(client, made, { disabled: false }),
      ]
    ) assertError(gone, "CLIENT_NOT_FOUND");
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
    for (const answer of own) assertInvalid(answer, "id");
    ok(await set(asOne, one, { displayName: "renamed" }));
    const answers = await Promise.all([
      asOne.call("DELETE", `${CLIENTS}/${two.id}`),
      asTwo.call("DELETE", `${CLIENTS}/${one.id}`),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401]);
  },

  "change nothing once they are deleted, not even by a request that has begun": async (
    { client },
  ) => {
    const [gone, kept] = [
      await make(client, { displayName: "gone" }),
      await make(client, { displayName: "kept" }),
    ];
    const [asGone, asKept] = [await login(client, gone), await login(client, kept)];
    const answer = await slowly(
      asGone,
      async () => ok(await client.call("DELETE", `${CLIENTS}/${gone.id}`)),
      { request: `DELETE ${CLIENTS}/${kept.id}`, body: "{}", pauseMs: 0 },
    );
    assert.match(answer, /^HTTP\/1\.1 401 /m);
    ok(await asKept.get(INTROSPECT));
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
    assertInvalid(await client.call("DELETE", `${CLIENTS}/${principleId}`), "id");
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
    assertError(await here.get(INTROSPECT), "SOURCE_NOT_ALLOWED");
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
      assertInvalid(answer, "client.expiresTime", why);
    }
    const sooner = at(end - 3_600_000);
    assert.equal(ok(await set(client, made, { expiresTime: sooner })).client.expiresTime, sooner);
    const endless = await make(client, { displayName: "endless" });
    const late = await set(client, endless, { expiresTime: at(Date.now() + 181 * 86_400_000) });
    assertError(late, "INVALID_FIELD", /more than 180 d ahead/);
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

  "have tokens that end with them": async ({ client }) => {
    const made = await make(client, { displayName: "short", expires: "600s" });
    assert.match(made.answer.client.expiresTime, RFC3339_UTC);
    const body = ok(await client.requestToken(made));
    assert.ok(body.expires_in > 0 && body.expires_in <= 600, String(body.expires_in));
  },

  "reject values that they cannot have, by field": async ({ client }) => {
    const cases: [Json, string][] = [
      [{}, "displayName"],
      [{ displayName: "" }, "displayName"],
      [{ displayName: "x", scopedRoles: ["root"] }, "scopedRoles[0]"],
      [{ displayName: "x", scopedRoles: [INVOKER, "x".repeat(27)] }, "scopedRoles[1]"],
      [{ displayName: "x", expires: "59s" }, "expires"],
      [{ displayName: "x", expires: "15552001s" }, "expires"],
      [{ displayName: "x", expires: "1h" }, "expires"],
      [{ displayName: "x", allowSourceCidr: ["10.0.0.0/33"] }, "allowSourceCidr[0]"],
      [{ displayName: "x", allowSourceCidr: Array(33).fill("10.0.0.0/8") }, "allowSourceCidr"],
    ];
    for (const [body, field] of cases) assertInvalid(await client.post(CLIENTS, body), field);
    const made = await make(client, { displayName: "kept" });
    assertInvalid(await set(client, made, {}, "displayName"), "client.displayName");
    const unknown = await set(client, made, { scopedRoles: ["x".repeat(27)] });
    assertInvalid(unknown, "client.scopedRoles[0]");
    assertInvalid(await set(client, made, { clientId: "x" }, "clientId"), "updateMask");
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
