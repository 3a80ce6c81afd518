/** C1 tenants in the API: what is checked before a tenant is stored, and what no answer says. */
import assert from "node:assert/strict";
import { events } from "../audit/support.ts";
import type { Answer, Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { type Client as TenantClient, InvokedTenant } from "./ten_tenant.ts";

const TENANTS = "/api/v1/tenants";
const NO_SECRET = "secret-token:conductorone.com:v1:x";

const add = (client: Client, tenant: Json) => client.post(TENANTS, tenant);
const remove = (client: Client, path: string) => client.call("DELETE", `${TENANTS}/${path}`);
const use = async (client: Client, id: string, tenant: Json) =>
  ok(await client.update(id, { tenant }, "tenant"));

/** Checks that an answer rejects one field. */
function assertField(answer: Answer<Json>, field: string, message: RegExp): void {
  assertInvalid(answer, field, message);
}

/** The private part of the key in a secret, which nothing may show either. */
function keyOf({ clientSecret }: TenantClient): string {
  const encoded = clientSecret.split(":").at(-1) ?? "";
  return JSON.parse(
    new TextDecoder().decode(Uint8Array.fromBase64(encoded, { alphabet: "base64url" })),
  ).d;
}

Deno.test("tenants", async (t) => {
  await using tenant = await InvokedTenant.start();
  const server = await TestServer.start({ flags: tenant.flags });
  await using _ = server;
  const client = await server.client();
  const owner = await tenant.owner();
  const second = await tenant.newClient("second");
  const third = await tenant.newClient("third");
  const answers: string[] = [];
  const noted = (answer: Answer<Json>): Answer<Json> => {
    answers.push(JSON.stringify(answer.body));
    return answer;
  };

  await t.step("a tenant is stored once it has accepted the client", async () => {
    const added =
      ok(noted(await add(client, { host: tenant.host, name: "acme", ...owner }))).tenant;
    assert.match(added.id, KSUID);
    assert.deepEqual(
      [added.name, added.host, added.isExample, added.credentials.length],
      ["acme", tenant.host, false, 1],
    );
    assert.equal(added.credentials[0].clientId, owner.clientId);
    assert.deepEqual(ok(noted(await client.get(TENANTS))).list, [added]);
    assert.deepEqual(ok(noted(await client.get(`${TENANTS}/${added.id}`))).tenant, added);
    const path = `${TENANTS}/${added.id}/credentials/${added.credentials[0].id}/check`;
    assert.match(ok(noted(await client.post(path, {}))).userId, KSUID);
  });

  await t.step("hosts, names and clients of another form are rejected by field", async () => {
    const hosts: readonly (readonly [string, RegExp])[] = [
      ["https://acme.example", /is not a host/],
      ["user@acme.example", /is not a host/],
      ["acme.example/path", /is not a host/],
      ["acme.example:99999", /is not a host/],
      ["acme_.example", /is not a host/],
      ["0x7f.1", /is not a host/],
      ["example", /the host of the example tenant alone/],
    ];
    for (const [host, message] of hosts) {
      assertField(await add(client, { host, ...owner, clientId: "a@b/c" }), "host", message);
    }
    assertField(await add(client, { clientId: "me" }), "host", /"" is not a host/);
    const other = { host: "other.example", ...owner };
    assertField(
      noted(await add(client, other)),
      "clientId",
      /is a client of .*, and not of other\.example/,
    );
    assertField(await add(client, { ...other, clientId: "me" }), "clientId", /is not a client id/);
    const noKey = { host: tenant.host, ...owner, clientSecret: NO_SECRET };
    assertField(noted(await add(client, noKey)), "clientSecret", /has no key after /);
    assert.ok(!answers.at(-1)?.includes(NO_SECRET));
    const foreign = { ...noKey, clientSecret: "hunter2" };
    assertField(noted(await add(client, foreign)), "clientSecret", /begins with secret-token/);
    const cut = { ...noKey, clientSecret: owner.clientSecret.slice(0, -4) };
    assertField(noted(await add(client, cut)), "clientSecret", /has no key after .* to its end$/);
    assert.ok(!answers.at(-1)?.includes(cut.clientSecret));
    assertField(
      await add(client, { host: tenant.host, ...owner, name: "not a name" }),
      "name",
      /"not a name" is not a name/,
    );
    for (const field of ["host", "clientId", "clientSecret"]) {
      assertField(await add(client, { isExample: true, [field]: "x" }), field, /must be absent/);
    }
  });

  await t.step(
    "a client that the tenant rejects, and a host that is away, are not stored",
    async () => {
      const forged = { ...owner, clientSecret: third.clientSecret };
      const rejected = noted(await add(client, { host: tenant.host, ...forged }));
      assertError(rejected, "TENANT_CREDENTIAL_REJECTED");
      const away = { ...owner, clientId: "me@127.0.0.1:9/spc" };
      assertError(noted(await add(client, away)), "TENANT_UNREACHABLE");
      assert.equal(ok(await client.get(TENANTS)).list.length, 1);
    },
  );

  await t.step("a name or a host names one tenant", async () => {
    const again = await add(client, { host: tenant.host, name: "other", ...owner });
    assertError(again, "TENANT_ALREADY_EXISTS", /add a credential/);
    const example = await add(client, { isExample: true, name: "ACME" });
    assertError(
      example,
      "TENANT_ALREADY_EXISTS",
      /^Name ACME is the name of tenant acme .*; choose another name/,
    );
    const { id } = ok(await add(client, { isExample: true })).tenant;
    const rename = (name: string) =>
      client.call("PATCH", `${TENANTS}/${id}`, { tenant: { name }, updateMask: "name" });
    assertError(await rename("acme"), "TENANT_ALREADY_EXISTS");
    assertField(await rename(id), "tenant.name", /the form of an id/);
    assert.equal(ok(await rename("invented")).tenant.name, "invented");
    const credential = await client.post(`${TENANTS}/${id}/credentials`, second);
    assertError(credential, "TENANT_IS_EXAMPLE", /example tenant/);
    ok(await remove(client, id));
  });

  await t.step("credentials are added, rotated and removed; the oldest one stays", async () => {
    const [{ id, credentials: [oldest] }] = ok(await client.get(TENANTS)).list;
    const path = `${TENANTS}/${id}/credentials`;
    const [, newer] = ok(noted(await client.post(path, second))).tenant.credentials;
    assert.equal(newer.clientId, second.clientId);
    const stays = await remove(client, `${id}/credentials/${oldest.id}`);
    assertError(stays, "TENANT_IN_USE", /is the oldest/);
    const fn = await client.deploy(MAIN);
    await use(client, fn, { id, credentialId: newer.id });
    const rotated = ok(noted(await client.post(`${path}/${newer.id}/rotate`, third))).tenant;
    assert.deepEqual(
      rotated.credentials.map((one: Json) => [one.id, one.clientId]),
      [[oldest.id, owner.clientId], [newer.id, third.clientId]],
    );
    const used = await remove(client, `${id}/credentials/${newer.id}`);
    assertError(used, "TENANT_IN_USE", new RegExp(fn));
    const forced = ok(await remove(client, `${id}/credentials/${newer.id}?force=true`));
    assert.deepEqual(forced.functions, [{ id: fn, displayName: "test" }]);
    assertError(await client.post(`${path}/${newer.id}/rotate`, second), "TENANT_NOT_FOUND");
  });

  await t.step("a tenant in use is removed by force alone", async () => {
    const [{ id }] = ok(await client.get(TENANTS)).list;
    const fn = await client.deploy(MAIN);
    await use(client, fn, { id });
    assertError(await remove(client, id), "TENANT_IN_USE", new RegExp(fn));
    const { functions } = ok(await remove(client, `${id}?force=true`));
    assert.ok(functions.some((one: Json) => one.id === fn));
    assert.deepEqual(ok(await client.get(TENANTS)).list, []);
    // What the function has may stay, so that other settings can be sent beside it.
    const { tenant } = ok(await client.get(`/api/v1/functions/${fn}`)).function;
    await use(client, fn, tenant);
    assertError(await client.get(`${TENANTS}/${id}`), "TENANT_NOT_FOUND");
  });

  await t.step("no answer, event, log line or backup has a secret", async () => {
    const all = await events(client);
    const changes = all.filter((event: Json) => /TenantService/.test(event.api?.operation ?? ""));
    assert.ok(changes.length >= 6);
    assert.ok(JSON.stringify(changes).includes(owner.clientId));
    const backup = `${server.dataDir}/../${crypto.randomUUID()}.tar`;
    const { code, stdout, stderr } = await runInvoked([
      ...["backup", backup, "--data", server.dataDir, "--json"],
    ]);
    assert.equal(code, 0, stderr);
    const archive = new TextDecoder("latin1").decode(await Deno.readFile(backup));
    await Deno.remove(backup);
    await server.stop();
    const verified = await runInvoked(["verify", "--data", server.dataDir]);
    assert.equal(verified.code, 0, verified.stderr);
    const log = await server.log;
    const texts = { answers: answers.join(), events: JSON.stringify(all), stdout, log, archive };
    for (const [where, text] of Object.entries(texts)) {
      for (const one of [owner, second, third]) {
        assert.ok(!text.includes(one.clientSecret), `${where} has a secret`);
        assert.ok(!text.includes(keyOf(one)), `${where} has a key`);
      }
    }
  });
});

Deno.test("a server that allows no private networks rejects tenants with an IP address", async () => {
  const client = await (await sharedServer()).client();
  const clientSecret = NO_SECRET;
  const answer = await add(client, {
    host: "127.0.0.1:8443",
    clientId: "a@127.0.0.1:8443/spc",
    clientSecret,
  });
  assertField(answer, "host", /is an IP address/);
  const named = await add(client, { host: "[::1]", clientId: "a@b/c", clientSecret });
  assertField(named, "host", /--egress-allow-private/);
});
