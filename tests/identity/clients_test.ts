/** The clients of a principal: each is limited, disabled and deleted alone, and its access tokens follow. */
import assert from "node:assert/strict";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite } from "../support/suite.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const INTROSPECT = "/api/v1/auth/introspect";

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

const set = (client: Client, { id }: Made, change: Json, updateMask?: string) =>
  client.post(`${CLIENTS}/${id}`, { client: change, updateMask });

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

  "neither disable nor delete themselves, also when two do it at the same time": async (
    { client },
  ) => {
    const [one, two] = [
      await make(client, { displayName: "one" }),
      await make(client, { displayName: "two" }),
    ];
    const [asOne, asTwo] = [await login(client, one), await login(client, two)];
    const own = [
      await asOne.call("DELETE", `${CLIENTS}/${one.id}`),
      await set(asOne, one, { disabled: true }),
      await set(asOne, one, { scopedRoles: ["reader"] }),
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
      [{ displayName: "x", allowSourceCidr: ["10.0.0.0/8"] }, "allowSourceCidr"],
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
