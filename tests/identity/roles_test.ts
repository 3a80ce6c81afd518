/** Roles: built-in ones, which nobody changes, and those of owners. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import {
  makeCredential,
  makePrincipal,
  makeRole,
  PRINCIPALS,
  ROLES,
  setRolesOf,
  signIn,
} from "./principals.ts";

const LIST = "c1.api.functions.v1.FunctionsService.ListFunctions";
const INVOKE = "c1.api.functions.v1.FunctionsService.Invoke";
const VIEWER = "000000000000000systemviewer";
const BUILTIN = [
  ["system:user", "Basic User"],
  ["system:log_viewer", "Read-Only to System Logs"],
  ["system:metrics_reader", "Metrics Reader"],
  ["system:viewer", "Read-Only Administrator"],
  ["functions:invoker", "Function Invoker"],
  ["functions:developer", "Function Developer"],
  ["system:owner", "Super Administrator"],
];

async function rolesOf(client: Client): Promise<Json[]> {
  const all: Json[] = [];
  let token = "";
  do {
    const { list, nextPageToken } = ok(
      await client.get(`${ROLES}?page_size=10&page_token=${encodeURIComponent(token)}`),
    );
    all.push(...list);
    token = nextPageToken;
  } while (token !== "");
  return all;
}

const update = (client: Client, id: string, role: Json, updateMask?: string) =>
  client.post(`${ROLES}/${id}`, { role, updateMask });

sharedSuite("roles", {
  "are listed in pages, the built-in ones first": async ({ client }) => {
    const made = [];
    for (let at = 0; at < 6; at++) made.push(await makeRole(client, { displayName: `role ${at}` }));
    const roles = await rolesOf(client);
    assert.deepEqual(
      roles.slice(0, BUILTIN.length).map((role) => [role.name, role.displayName]),
      BUILTIN,
    );
    const shownViewer = roles.find((role) => role.id === VIEWER);
    const { id, permissions, ...shown } = shownViewer;
    assert.deepEqual([id, shown], [VIEWER, {
      name: "system:viewer",
      displayName: "Read-Only Administrator",
      serviceRoles: [],
      systemApiOnly: false,
      systemBuiltin: true,
    }]);
    assert.ok(permissions.includes(`permission/${LIST}`));
    assert.ok(!permissions.includes(`permission/${INVOKE}`));
    assert.equal(new Set(roles.map((role) => role.id)).size, roles.length);
    const ids = roles.map((role) => role.id);
    const at = made.map((role) => ids.indexOf(role.id));
    assert.deepEqual(at, at.toSorted((a, b) => b - a), "the newest first");
    assert.deepEqual(ok(await client.get(`${ROLES}/${VIEWER}`)).role, shownViewer);
    for (const role of made) ok(await client.call("DELETE", `${ROLES}/${role.id}`));
  },

  "are made, changed and deleted": async ({ client }) => {
    const fn = await client.deploy(MAIN);
    const { createdAt: _created, updatedAt: _updated, ...role } = await makeRole(client, {
      display_name: "callers",
      permissions: [`permission/${LIST}`, INVOKE, INVOKE],
      function_ids: [fn, fn],
      systemBuiltin: true,
    });
    assert.match(role.id, KSUID);
    assert.deepEqual(role, {
      id: role.id,
      name: "callers",
      displayName: "callers",
      permissions: [INVOKE, LIST].map((one) => `permission/${one}`),
      functionIds: [fn],
      serviceRoles: [],
      systemApiOnly: false,
      systemBuiltin: false,
    });
    const changed = ok(await update(client, role.id, { permissions: [LIST] }, "permissions")).role;
    assert.deepEqual([changed.permissions, changed.functionIds], [[`permission/${LIST}`], [fn]]);
    const wide = ok(await update(client, role.id, { ...changed, functionIds: [] }, "function_ids"));
    assert.equal(wide.role.functionIds, undefined);
    assert.deepEqual(ok(await client.call("DELETE", `${ROLES}/${role.id}`, {})), {});
    for (
      const answer of [
        await client.get(`${ROLES}/${role.id}`),
        await update(client, role.id, { displayName: "x" }),
        await client.call("DELETE", `${ROLES}/${role.id}`),
      ]
    ) assertError(answer, "ROLE_NOT_FOUND");
  },

  "are rejected with unknown permissions and functions, and without a name": async ({ client }) => {
    const fn = await client.deploy(MAIN);
    ok(await client.call("DELETE", `/api/v1/functions/${fn}`));
    // A deleted function is still known.
    const { id } = await makeRole(client, { displayName: "for a deleted one", functionIds: [fn] });
    const many = (length: number) => Array(length).fill("x");
    const wrong: [Json, string][] = [
      [{ permissions: [LIST, "c1.api.Nothing.Get"] }, "role.permissions[1]"],
      [{ permissions: ["permission/permission/x"] }, "role.permissions[0]"],
      [{ permissions: many(1001) }, "role.permissions"],
      [{ functionIds: [fn, "x"] }, "role.functionIds[1]"],
      [{ functionIds: many(101) }, "role.functionIds"],
      [{ displayName: "" }, "role.displayName"],
      [{ displayName: "x".repeat(257) }, "role.displayName"],
    ];
    for (const [role, field] of wrong) {
      const fields = { fields: [field] };
      const made = await client.post(ROLES, { role: { displayName: "wrong", ...role } });
      assertError(made, "INVALID_FIELD", fields);
      assertError(await update(client, id, role), "INVALID_FIELD", fields);
    }
    assertInvalid(await client.post(ROLES, { role: {} }), "role.displayName");
    for (const mask of ["name", "systemBuiltin", "id"]) {
      assertInvalid(await update(client, id, {}, mask), "updateMask");
    }
    ok(await client.call("DELETE", `${ROLES}/${id}`));
  },

  "are neither changed nor deleted if they are built-in": async ({ client }) => {
    for (
      const answer of [
        await update(client, VIEWER, { permissions: [INVOKE] }),
        await client.call("DELETE", `${ROLES}/${VIEWER}`),
      ]
    ) assertInvalid(answer, "role_id");
  },

  "are not deleted while somebody has them": async ({ client }) => {
    const role = await makeRole(client, { displayName: "held", permissions: [LIST] });
    const principal = await makePrincipal(client, "holder", [role.id]);
    const { credential } = await makeCredential(client, principal, {
      displayName: "key of the holder",
      scopedRoles: [role.id],
    });
    const { function: fn } = ok(
      await client.post("/api/v1/functions", {
        displayName: "holding function",
        scopedRoleIds: [role.id],
      }),
    );
    const remove = () => client.call("DELETE", `${ROLES}/${role.id}`);
    const held = async (message: RegExp) => assertError(await remove(), "ROLE_IN_USE", message);
    await held(/by principal holder, credential key of the holder, function holding function;/);
    await setRolesOf(client, principal, []);
    await held(/by credential key of the holder, function/);
    ok(await client.call("DELETE", `${PRINCIPALS}/${principal}/credentials/${credential.id}`));
    await held(/by function holding function;/);
    ok(await client.call("DELETE", `/api/v1/functions/${fn.id}`));
    ok(await remove());
  },

  "count as they are now": async ({ client }) => {
    const [mine, others] = [await client.deploy(MAIN), await client.deploy(MAIN)];
    const role = await makeRole(client, {
      displayName: "growing",
      permissions: [LIST],
      functionIds: [mine],
    });
    const { as } = await signIn(client, await makePrincipal(client, "grown", [role.id]));
    const { list } = ok(await as.get("/api/v1/functions"));
    assert.deepEqual(list.map(({ id }: Json) => id), [mine]);
    assertError(await as.invoke(mine), "ROLE_MISSING");
    ok(await update(client, role.id, { permissions: [LIST, INVOKE] }));
    ok(await as.invoke(mine));
    assertError(await as.invoke(others), "ROLE_MISSING");
    ok(await update(client, role.id, { functionIds: [others] }));
    assertError(await as.invoke(mine), "ROLE_MISSING");
    ok(await as.invoke(others));
  },

  "are seen as far as the caller may read identity": async ({ client }) => {
    const own = await makeRole(client, { displayName: "own", permissions: [INVOKE] });
    const hidden = await makeRole(client, { displayName: "hidden", permissions: [INVOKE] });
    const names = async (as: Client) =>
      (await rolesOf(as)).slice(BUILTIN.length).map(({ id }) => id);
    const { as: holder } = await signIn(client, await makePrincipal(client, "holder", [own.id]));
    assert.deepEqual(await names(holder), [own.id]);
    ok(await holder.get(`${ROLES}/${own.id}`));
    assertError(await holder.get(`${ROLES}/${hidden.id}`), "ROLE_NOT_FOUND");
    const { as: user } = await signIn(client, await makePrincipal(client, "u", ["system:user"]));
    assert.deepEqual(await names(user), []);
    const { as: viewer } = await signIn(
      client,
      await makePrincipal(client, "v", ["system:viewer"]),
    );
    const seen = await names(viewer);
    for (const { id } of [own, hidden]) assert.ok(seen.includes(id));
  },

  "are not changed by callers who lack what they grant": async ({ client }) => {
    const permissions = ["c1.api.iam.v1.Roles.Update", "invoked.RoleService.Delete", LIST];
    const editor = await makeRole(client, { displayName: "editor", permissions });
    const strong = await makeRole(client, { displayName: "strong", permissions: [INVOKE] });
    const { as } = await signIn(client, await makePrincipal(client, "editor", [editor.id]));
    for (
      const answer of [
        await update(as, editor.id, { permissions: [...permissions, INVOKE] }),
        await update(as, strong.id, { permissions: [LIST] }),
        await as.call("DELETE", `${ROLES}/${strong.id}`),
      ]
    ) assertError(answer, "ROLE_MISSING");
    ok(await update(as, editor.id, { displayName: "renamed" }));
  },
});
