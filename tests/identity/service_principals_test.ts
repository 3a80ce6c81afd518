/** Service principals and their roles: who may change them, and what a change means for whoever acts as them. */
import assert from "node:assert/strict";
import { added } from "../audit/support.ts";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, KSUID, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { quietSuite } from "../support/suite.ts";
import { approvedDevice, ask, CONE, decide, INVOKED, poll } from "./devices.ts";
import {
  INTROSPECT,
  makeCredential,
  makePrincipal,
  ownId,
  PRINCIPALS,
  setRolesOf,
  signIn,
} from "./principals.ts";
import { signIn as signInToConsole } from "./sessions.ts";

const OWNER = "0000000000000000systemowner";
const VIEWER = "000000000000000systemviewer";
const MISSING = "2NoSuchPrincipal00000000000";

const patch = (client: Client, id: string, servicePrincipal: Json, updateMask?: string) =>
  client.call("PATCH", `${PRINCIPALS}/${id}`, { servicePrincipal, updateMask });

quietSuite("service principals", {
  "begin without roles, and are renamed and listed as C1 has them": async ({ client }) => {
    const made = ok(await client.post(PRINCIPALS, { display_name: "build", later: 1 }));
    const { id, createdAt, updatedAt, user, ...shown } = made.servicePrincipal;
    assert.match(id, KSUID);
    for (const time of [createdAt, updatedAt]) assert.match(time, RFC3339_UTC);
    assert.deepEqual(shown, { displayName: "build", disabled: false, roleIds: [] });
    assert.deepEqual(ok(await client.get(`${PRINCIPALS}/${id}`)), made);
    assert.deepEqual(user, ok(await client.get(`/api/v1/users/${id}`)).userView.user);
    const { list } = ok(await client.get(`${PRINCIPALS}?page_size=100`));
    assert.deepEqual(list.find((one: Json) => one.id === id), made.servicePrincipal);

    const sent = { ...made.servicePrincipal, displayName: "deploy", roleIds: [OWNER] };
    const { servicePrincipal } = ok(await patch(client, id, sent, "displayName"));
    assert.deepEqual([servicePrincipal.displayName, servicePrincipal.roleIds], ["deploy", []]);
    const { as } = await signIn(client, id);
    assertError(await as.get(INTROSPECT), "ROLE_MISSING");
  },

  "are on record with the devices that they approved and that were rejected": async (
    { client },
  ) => {
    const { url } = client;
    const principal = await makePrincipal(client, "approver", ["system:user"]);
    const { as, credential } = await signIn(client, principal);
    const cookie = await signInToConsole(as);
    await approvedDevice(url, cookie);
    const [approved, pending] = [ok(await ask(url)), ok(await ask(url))];
    const rejected = async ({ device_code }: Json, error: string, clientId = INVOKED) =>
      assert.equal((await poll(url, device_code, clientId)).body.error, error);
    const events = await added(client, async () => {
      await rejected(pending, "invalid_grant", CONE);
      ok(await decide(url, "approve", approved.user_code, cookie));
      await rejected(approved, "invalid_grant", CONE);
      const path = `${PRINCIPALS}/${principal}/credentials/${credential.id}`;
      ok(await client.call("DELETE", path));
      await rejected(approved, "access_denied");
    });
    const failures = events.filter(({ status }) => status === "Failure");
    const who = failures.map(({ status_code, user: { uid, credential_uid } }) => [
      status_code,
      uid,
      credential_uid,
    ]);
    assert.deepEqual(who, [
      ["invalid_grant", undefined, CONE],
      ["invalid_grant", principal, credential.clientId],
      ["access_denied", principal, credential.clientId],
    ]);
    const isRevocation = ({ api }: Json) => api?.operation.endsWith("RevokeCredential");
    const { resources } = events.find(isRevocation) ?? assert.fail();
    const others = resources.filter(({ uid }: Json) => uid !== credential.id);
    assert.deepEqual(
      others.map(({ type, namespace }: Json) => [type, namespace]),
      [["session", principal], ["credential", principal]],
      "what ends with the credential",
    );
  },

  "have names, and no other fields that a request sets": async ({ client }) => {
    const id = await makePrincipal(client, "named");
    for (const displayName of ["", "x".repeat(257)]) {
      assertInvalid(await client.post(PRINCIPALS, { displayName }), "displayName");
    }
    const wrong: [Json, string, string][] = [
      [{ displayName: "" }, "displayName", "servicePrincipal.displayName"],
      [{}, "displayName", "servicePrincipal.displayName"],
      [{ roleIds: [] }, "roleIds", "updateMask"],
      [{ id: "x" }, "id", "updateMask"],
    ];
    for (const [change, mask, field] of wrong) {
      assertInvalid(await patch(client, id, change, mask), field);
    }
    for (
      const answer of [
        await client.get(`${PRINCIPALS}/${MISSING}`),
        await patch(client, MISSING, { disabled: true }),
        await client.call("DELETE", `${PRINCIPALS}/${MISSING}`),
        await client.post(`${PRINCIPALS}/${MISSING}/roles`, { roleIds: [] }),
      ]
    ) assertError(answer, "PRINCIPAL_NOT_FOUND");
  },

  "get roles by name or id, which count for live tokens at once": async ({ client }) => {
    const id = await makePrincipal(client, "reader", ["system:viewer"]);
    const { as } = await signIn(client, id);
    const { roles, userId } = ok(await as.get(INTROSPECT));
    assert.deepEqual([roles, userId], [[VIEWER], id]);
    ok(await as.get("/api/v1/functions"));
    const fn = await client.deploy(MAIN);
    assertError(await as.invoke(fn), "ROLE_MISSING");

    const { roleIds, user } = await setRolesOf(client, id, ["administrator", OWNER]);
    assert.deepEqual([roleIds, user.roleIds, user.status], [[OWNER], [OWNER], "ENABLED"]);
    ok(await as.invoke(fn));
    await setRolesOf(client, id, []);
    assertError(await as.get("/api/v1/functions"), "ROLE_MISSING");
    for (
      const [roleIds, field] of [[["nobody"], "roleIds[0]"], [[VIEWER, MISSING], "roleIds[1]"]]
    ) {
      assertInvalid(await client.post(`${PRINCIPALS}/${id}/roles`, { roleIds }), String(field));
    }
  },

  "are disabled with their tokens, and work again once enabled": async ({ client }) => {
    const id = await makePrincipal(client, "switched", ["system:owner"]);
    const { as } = await signIn(client, id);
    const { clientSecret: key } = await makeCredential(client, id, {
      kind: "CREDENTIAL_KIND_API_KEY",
    });
    const authorization = { authorization: `Bearer ${key}` };
    ok(await client.get(INTROSPECT, authorization));
    const { servicePrincipal } = ok(await patch(client, id, { disabled: true }, "disabled"));
    assert.equal(servicePrincipal.disabled, true);
    for (const answer of [await as.get(INTROSPECT), await client.get(INTROSPECT, authorization)]) {
      assertError(answer, "TOKEN_INVALID");
    }
    ok(await patch(client, id, { disabled: false }));
    ok(await as.get(INTROSPECT));
    ok(await client.get(INTROSPECT, authorization));
  },

  "are deleted with their credentials": async ({ client }) => {
    const id = await makePrincipal(client, "deleted", ["system:owner"]);
    const { as, credential } = await signIn(client, id);
    assert.deepEqual(ok(await client.call("DELETE", `${PRINCIPALS}/${id}`, {})), {});
    assertError(await as.get(INTROSPECT), "TOKEN_INVALID");
    for (const path of ["", "/credentials", `/credentials/${credential.id}`]) {
      assertError(await client.get(`${PRINCIPALS}/${id}${path}`), "PRINCIPAL_NOT_FOUND");
    }
    const { list } = ok(await client.get(`${PRINCIPALS}?page_size=100`));
    assert.ok(list.every((one: Json) => one.id !== id));
  },

  "are not changed by callers who lack their rights": async ({ client }) => {
    const manager = await makePrincipal(client, "manager");
    const permissions = ["Create", "Update", "Delete", "CreateCredential", "AddBinding"]
      .map((name) => `c1.api.service_principal.v1.ServicePrincipalService.${name}`)
      .concat("invoked.ServicePrincipalService.SetRoles", "invoked.RoleService.Create");
    const { role } = ok(
      await client.post("/api/v1/iam/roles", { role: { displayName: "manager", permissions } }),
    );
    await setRolesOf(client, manager, [role.id]);
    const { as } = await signIn(client, manager);
    const owner = await makePrincipal(client, "second owner", ["system:owner"]);
    const fn = await client.deploy(MAIN);
    const binding = { servicePrincipalId: owner, subject: { functionId: fn } };
    const invoke = "c1.api.functions.v1.FunctionsService.Invoke";
    for (
      const answer of [
        await patch(as, owner, { disabled: true }),
        await patch(as, owner, { displayName: "x" }),
        await as.call("DELETE", `${PRINCIPALS}/${owner}`),
        await as.post(`${PRINCIPALS}/${owner}/roles`, { roleIds: [] }),
        await as.post(`${PRINCIPALS}/${owner}/credentials`, {}),
        await as.post(`${PRINCIPALS}/bindings`, binding),
        await as.post(`${PRINCIPALS}/${manager}/roles`, { roleIds: [role.id, "system:viewer"] }),
        await as.post(`${PRINCIPALS}/${manager}/credentials`, { scopedRoles: ["system:owner"] }),
        await as.post("/api/v1/iam/roles", { role: { displayName: "x", permissions: [invoke] } }),
      ]
    ) assertError(answer, "ROLE_MISSING");

    const own = await makePrincipal(as, "made by the manager");
    await setRolesOf(as, own, [role.id]);
    await makeCredential(as, own);
    // An owner whose credential is limited gives no more than the credential has.
    const { as: limited } = await signIn(client, await ownId(client), { scopedRoles: [role.id] });
    const answer = await limited.post(`${PRINCIPALS}/${own}/roles`, { roleIds: ["system:owner"] });
    assertError(answer, "ROLE_MISSING");
    for (const id of [own, owner]) ok(await client.call("DELETE", `${PRINCIPALS}/${id}`));
  },

  "leave an owner who is not disabled": async ({ client }) => {
    const first = await ownId(client);
    const lastOwner = async () => {
      for (
        const answer of [
          await patch(client, first, { disabled: true }),
          await client.call("DELETE", `${PRINCIPALS}/${first}`),
          await client.post(`${PRINCIPALS}/${first}/roles`, { roleIds: ["system:viewer"] }),
        ]
      ) assertError(answer, "LAST_OWNER");
    };
    const { list } = ok(await client.get(`${PRINCIPALS}?page_size=100`));
    for (const { id, roleIds } of list) {
      if (id !== first && roleIds.includes(OWNER)) await setRolesOf(client, id, []);
    }
    await lastOwner();
    const disabled = await makePrincipal(client, "disabled owner", ["system:owner"]);
    ok(await patch(client, disabled, { disabled: true }));
    await lastOwner();
    ok(await patch(client, first, { displayName: "Administrator" }));
  },

  "leave one owner when two remove each other at the same time": async ({ client }) => {
    const first = await ownId(client);
    const second = await makePrincipal(client, "rival", ["system:owner"]);
    const { as } = await signIn(client, second);
    const answers = await Promise.all([
      client.post(`${PRINCIPALS}/${second}/roles`, { roleIds: ["system:viewer"] }),
      as.post(`${PRINCIPALS}/${first}/roles`, { roleIds: ["system:viewer"] }),
    ]);
    const lost = answers.filter(({ status }) => status !== 200);
    assert.equal(lost.length, 1, JSON.stringify(answers.map(({ body }) => body)));
    assert.match(JSON.stringify(lost[0]?.body), /LAST_OWNER|ROLE_MISSING/);
    const winner = answers[0]?.status === 200 ? client : as;
    await setRolesOf(winner, first, ["system:owner"]);
    ok(await client.get(PRINCIPALS));
  },
});
