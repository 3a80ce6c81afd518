/** The setting `tenant` of a function: who may give it, and what it may say. */
import assert from "node:assert/strict";
import { added } from "../audit/support.ts";
import { makePrincipal, makeRole, signIn } from "../identity/principals.ts";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { exampleOf } from "./calls_functions.ts";

const TENANTS = "/api/v1/tenants";

const update = (client: Client, id: string, tenant: Json) =>
  client.update(id, { tenant }, "tenant");

const tenantOf = async (client: Client, id: string) =>
  ok(await client.get(`/api/v1/functions/${id}`)).function.tenant;

sharedSuite("the setting tenant", {
  "takes id, name or host, and answers the id": async ({ client }) => {
    const { id, credentials: [credential] } = await exampleOf(client);
    const fn = await client.deploy(MAIN);
    assert.equal(await tenantOf(client, fn), undefined);
    for (const named of [id, "example", "EXAMPLE"]) {
      ok(await update(client, fn, { id: named }));
      assert.deepEqual(await tenantOf(client, fn), { id, access: "READ" });
    }
    const whole = {
      id,
      access: "WRITE",
      operations: ["user.*", "apps.list", "*"],
      credentialId: credential.id,
    };
    ok(await update(client, fn, { ...whole, id: "example" }));
    assert.deepEqual(await tenantOf(client, fn), whole);
    ok(await update(client, fn, { ...whole, credentialId: credential.clientId }));
    assert.deepEqual(await tenantOf(client, fn), whole);
    ok(await update(client, fn, {}));
    assert.equal(await tenantOf(client, fn), undefined);
    const created = ok(
      await client.post("/api/v1/functions", { displayName: "new", tenant: { id: "example" } }),
    );
    assert.deepEqual(created.function.tenant, { id, access: "READ" });
  },

  "rejects what it cannot mean, and names the field": async ({ client }) => {
    await exampleOf(client);
    const fn = await client.deploy(MAIN);
    const rejected: readonly (readonly [Json, string, RegExp])[] = [
      [{ access: "WRITE" }, "function.tenant.id", /is missing/],
      [{ id: "nobody" }, "function.tenant.id", /"nobody" is not the id, name or host/],
      [{ id: "example", access: "ADMIN" }, "function.tenant.access", /./],
      [
        { id: "example", credentialId: "x" },
        "function.tenant.credentialId",
        /"x" is not .*: it has \w+ \(\S+\)/,
      ],
      [{ id: "example", operations: ["apps"] }, "function.tenant.operations[0]", /"apps" must be/],
      [
        { id: "example", operations: ["apps.list", "a*b*.c"] },
        "function.tenant.operations[1]",
        /at most one \*/,
      ],
      [
        { id: "example", operations: ["*.list", "apps.lst"] },
        "function.tenant.operations[1]",
        /"apps\.lst" matches no operation of C1.*; did you mean apps\.list\?/,
      ],
      [{ id: "nobody" }, "function.tenant.id", /invoked tenants list$/],
      [
        { id: "example", operations: ["functions.*"] },
        "function.tenant.operations[0]",
        /this server answers sdk\.functions/,
      ],
      [
        { id: "example", operations: ["users.*"] },
        "function.tenant.operations[0]",
        /did you mean user\.\*\?/,
      ],
      [
        { id: "example", operations: ["apps.*", "task.createGrant*"] },
        "function.tenant.operations[1]",
        /matches only operations that change the tenant, which need the access WRITE/,
      ],
      // A misspelt restriction must not mean all operations, or the rights of the oldest credential.
      [
        { id: "example", access: "WRITE", operation: ["apps.list"] },
        "function.tenant.operation",
        /is not a field of this setting, .*; did you mean operations\?/,
      ],
      [
        { id: "example", credentialID: "x" },
        "function.tenant.credentialID",
        /did you mean credentialId\?/,
      ],
      // Without its last pattern, a function must not have all operations.
      [
        { id: "example", operations: [] },
        "function.tenant.operations",
        /is empty; omit it for all operations/,
      ],
      [
        { id: "example", operations: Array(101).fill("apps.list") },
        "function.tenant.operations",
        /100/,
      ],
    ];
    for (const [tenant, field, message] of rejected) {
      assertInvalid(await update(client, fn, tenant), field, message);
    }
    assert.equal(await tenantOf(client, fn), undefined);
  },

  "needs the permission to use tenants": async ({ client }) => {
    const { id } = await exampleOf(client);
    const fn = await client.deploy(MAIN);
    const principal = await makePrincipal(client, "developer", ["functions:developer"]);
    const { as: developer } = await signIn(client, principal);
    const denied = [
      await update(developer, fn, { id }),
      // Nobody learns by a guess which tenants there are.
      await update(developer, fn, { id: "nobody" }),
      await developer.post("/api/v1/functions", { displayName: "x", tenant: { id } }),
      await developer.post("/api/v1/functions/check", { function: { id: fn, tenant: { id } } }),
      await developer.get(TENANTS),
    ];
    for (const answer of denied) assertError(answer, "ROLE_MISSING", /invoked\.TenantService/);
    ok(await update(client, fn, { id, access: "READ", operations: ["apps.*"] }));
    // What the function has already may stay, by whatever name, and may go.
    ok(await update(developer, fn, { id: "example", operations: ["apps.*"] }));
    for (const more of [{ id, access: "WRITE", operations: ["apps.*"] }, { id }]) {
      assertError(await update(developer, fn, more), "ROLE_MISSING");
    }
    ok(await update(developer, fn, {}));
    assert.equal(await tenantOf(client, fn), undefined);
  },

  "a role may let somebody give tenants to named functions alone": async ({ client }) => {
    const { id } = await exampleOf(client);
    const [own, other] = [await client.deploy(MAIN), await client.deploy(MAIN)];
    const role = await makeRole(client, {
      displayName: "lends tenants",
      permissions: [
        "invoked.TenantService.Check",
        "c1.api.functions.v1.FunctionsService.UpdateFunction",
      ],
      functionIds: [own],
    });
    const { as: lender } = await signIn(client, await makePrincipal(client, "lender", [role.id]));
    ok(await update(lender, own, { id }));
    assertError(await update(lender, other, { id }), "ROLE_MISSING");
  },

  "is on record with what was before": async ({ client }) => {
    const { id } = await exampleOf(client);
    const fn = await client.deploy(MAIN);
    const recorded = await added(client, async () => {
      ok(await update(client, fn, { id, access: "WRITE" }));
      ok(await update(client, fn, {}));
    });
    const given = recorded.flatMap(({ resources = [] }: Json) =>
      resources.filter(({ type, uid }: Json) => type === "function" && uid === fn)
    ).map(({ data }: Json) => data).filter((data: Json) => data?.tenant !== undefined);
    const tenant = { id, access: "WRITE" };
    assert.deepEqual(given[0].tenant, tenant);
    assert.deepEqual([given[1].tenant, given[1].earlier.tenant], [null, tenant]);
  },
});
