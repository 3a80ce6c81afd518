/** Functions as principals: what a function may do by itself, and bound to a service principal. */
import assert from "node:assert/strict";
import { deployWithSdk, outputOf, setRoles } from "../sdk/support.ts";
import type { Client, Json } from "../support/client.ts";
import { assertError, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { makePrincipal, makeRole, PRINCIPALS, setRolesOf, signIn } from "./principals.ts";

const BINDINGS = `${PRINCIPALS}/bindings`;
const MISSING = "2NoSuchThing000000000000000";

/** Who the function is, which functions it lists, and what else it may read. */
const WHO = `
  const { introspectResponse: { userId, roles } } = await sdk.auth.introspect();
  const { functionsServiceListFunctionsResponse: { list } } = await sdk.functions.listFunctions({ pageSize: 100 });
  const other = input.other === undefined
    ? undefined
    : (await settle(() => sdk.functions.getFunction({ id: input.other }))).reason ?? "read";
  return { userId, roles, sees: list.map(({ id }) => id), other };`;

const of = (servicePrincipalId: string, functionId: string) => ({
  servicePrincipalId,
  subject: { functionId },
});
const bind = async (client: Client, principal: string, fn: string) =>
  assert.deepEqual(ok(await client.post(BINDINGS, of(principal, fn))), {});

async function boundOf(client: Client, functionId: string): Promise<string[]> {
  const answer = await client.post(`${BINDINGS}/list`, { subject: { functionId } });
  return ok(answer).bindings.map((binding: Json) => binding.servicePrincipalId);
}

sharedSuite("functions as principals", {
  "read themselves alone, with their commits and invocations": async ({ client }) => {
    const other = await client.deploy(MAIN);
    const fn = await deployWithSdk(
      client,
      `const { introspectResponse: { userId, roles } } = await sdk.auth.introspect();
      const { functionsServiceListFunctionsResponse: { list } } = await sdk.functions.listFunctions();
      const commits = await sdk.functions.listCommits({ functionId: userId });
      const invocations = await sdk.functionsInvocation.list({ functionId: userId });
      const reasons = [];
      for (const call of [
        () => sdk.functions.getFunction({ id: input.other }),
        () => sdk.functions.listCommits({ functionId: input.other }),
        () => sdk.functionsInvocation.list({ functionId: input.other }),
        () => sdk.functions.invoke({ functionId: userId }),
        () => sdk.functions.updateFunction({ function: { id: userId, description: "x" } }),
        () => sdk.principal.list(),
        () => sdk.server.getStatus(),
      ]) reasons.push((await settle(call)).reason);
      return {
        userId, roles, reasons, sees: list.map(({ id }) => id),
        commits: commits.functionsServiceListCommitsResponse.list.length,
        invocations: invocations.functionsInvocationServiceListResponse.list.length,
      };`,
    );
    const { userId, roles, reasons, sees, ...counts } = await outputOf(client, fn, { other });
    assert.deepEqual([userId, roles, sees], [fn, [], [fn]]);
    assert.deepEqual(counts, { commits: 1, invocations: 1 });
    assert.deepEqual(reasons, Array(reasons.length).fill("ROLE_MISSING"));
  },

  "act as the principal that they are bound to, with its roles of the moment": async (
    { client },
  ) => {
    const [other, fn] = [await client.deploy(MAIN), await deployWithSdk(client, WHO)];
    const principal = await makePrincipal(client, "robot", ["system:viewer"]);
    await bind(client, principal, fn);
    const { function: shown } = ok(await client.get(`/api/v1/functions/${fn}`));
    assert.equal(shown.useSpn, true);
    const bound = await outputOf(client, fn, { other });
    assert.deepEqual([bound.userId, bound.other], [principal, "read"]);
    assert.ok(bound.sees.includes(other));

    await setRolesOf(client, principal, []);
    assert.deepEqual(await outputOf(client, fn, { other }), {
      userId: principal,
      roles: [],
      sees: [fn],
      other: "ROLE_MISSING",
    });
    await setRolesOf(client, principal, ["system:viewer"]);
    const disabled = (value: boolean) =>
      client.call("PATCH", `${PRINCIPALS}/${principal}`, { servicePrincipal: { disabled: value } });
    ok(await disabled(true));
    const alone = { userId: fn, roles: [], sees: [fn], other: "ROLE_MISSING" };
    assert.deepEqual(await outputOf(client, fn, { other }), alone);
    ok(await disabled(false));
    assert.equal((await outputOf(client, fn, { other })).other, "read");

    assert.deepEqual(ok(await client.post(`${BINDINGS}/delete`, of(principal, fn))), {});
    assert.deepEqual(await outputOf(client, fn, { other }), alone);
    assert.equal(ok(await client.get(`/api/v1/functions/${fn}`)).function.useSpn, false);
  },

  "lose the roles of their own while they are bound": async ({ client }) => {
    const fn = await deployWithSdk(client, WHO, ["system:viewer"]);
    const other = await client.deploy(MAIN);
    assert.equal((await outputOf(client, fn, { other })).other, "read");
    const principal = await makePrincipal(client, "weak");
    await bind(client, principal, fn);
    assert.equal((await outputOf(client, fn, { other })).other, "ROLE_MISSING");
    ok(await client.post(`${BINDINGS}/delete`, of(principal, fn)));
    assert.equal((await outputOf(client, fn, { other })).other, "read");
  },

  "are unbound and bound anew only by callers who have the rights that are taken and given": async (
    { client },
  ) => {
    const fn = await deployWithSdk(client, WHO, ["system:owner"]);
    const permissions = ["AddBinding", "DeleteBinding"]
      .map((name) => `c1.api.service_principal.v1.ServicePrincipalService.${name}`);
    const { id: role } = await makeRole(client, { displayName: "binds", permissions });
    const { as } = await signIn(client, await makePrincipal(client, "binder", [role]));
    const [weak, strong] = [
      await makePrincipal(client, "weak one"),
      await makePrincipal(client, "strong one", ["system:viewer"]),
    ];
    await bind(client, weak, fn);
    assertError(
      await as.post(`${BINDINGS}/delete`, of(weak, fn)),
      "ROLE_MISSING",
      /binder may not give role 0+systemowner/,
    );
    await bind(client, strong, fn);
    const message = /binder may not unbind function .*: strong one has rights that binder lacks/;
    for (
      const answer of [
        await as.post(`${BINDINGS}/delete`, of(strong, fn)),
        await as.post(BINDINGS, of(weak, fn)),
      ]
    ) assertError(answer, "ROLE_MISSING", message);
    assert.deepEqual(await boundOf(client, fn), [strong]);

    const plain = await deployWithSdk(client, WHO);
    await bind(as, weak, plain);
    assert.deepEqual(ok(await as.post(`${BINDINGS}/delete`, of(weak, plain))), {});
  },

  "do not get back what an owner takes from them while their code is built": async ({ client }) => {
    const { as } = await signIn(
      client,
      await makePrincipal(client, "dev", ["functions:developer"]),
    );
    const { function: { id } } = await client.createFunction("rebuilt");
    const scopedRoleIds = ["system:owner"];
    for (let round = 0; round < 5; round++) {
      await setRoles(client, id, scopedRoleIds);
      const [late] = await Promise.all([
        as.post("/api/v1/functions/update", {
          function: { id, scopedRoleIds },
          updateMask: "scopedRoleIds",
          content: { "main.ts": btoa(`${MAIN}// ${round}\n`) },
        }),
        setRoles(client, id, []),
      ]);
      // Whichever is first, the owner's word is the last.
      if (late.status !== 200) assertError(late, "ROLE_MISSING");
      const { function: { scopedRoleIds: left } } = ok(await client.get(`/api/v1/functions/${id}`));
      assert.deepEqual(left, [], `round ${round}`);
    }
  },

  "keep their own rights in nested invocations": async ({ client }) => {
    const other = await client.deploy(MAIN);
    const inner = await deployWithSdk(client, WHO);
    const outer = await deployWithSdk(
      client,
      `const { userId } = (await sdk.auth.introspect()).introspectResponse;
      const own = (await settle(() => sdk.functions.getFunction({ id: input.other }))).reason ?? "read";
      return { userId, own, inner: (await invoke(input.inner, { other: input.other })).output };`,
    );
    const [owner, invoker] = [
      await makePrincipal(client, "outer owner", ["system:owner"]),
      await makePrincipal(client, "inner owner", ["system:owner"]),
    ];
    await bind(client, owner, outer);
    const weakInside = await outputOf(client, outer, { inner, other });
    assert.deepEqual([weakInside.userId, weakInside.own], [owner, "read"]);
    assert.deepEqual(weakInside.inner, {
      userId: inner,
      roles: [],
      sees: [inner],
      other: "ROLE_MISSING",
    });

    const role = {
      displayName: "calls one",
      permissions: ["c1.api.functions.v1.FunctionsService.Invoke"],
      functionIds: [inner],
    };
    const { role: { id } } = ok(await client.post("/api/v1/iam/roles", { role }));
    await setRolesOf(client, owner, [id]);
    await bind(client, invoker, inner);
    const strongInside = await outputOf(client, outer, { inner, other });
    assert.deepEqual([strongInside.own, strongInside.inner.userId, strongInside.inner.other], [
      "ROLE_MISSING",
      invoker,
      "read",
    ]);
  },

  "act for their triggers with their own rights": async ({ client }) => {
    const fn = await deployWithSdk(client, WHO);
    const principal = await makePrincipal(client, "scheduled", ["functions:invoker"]);
    const trigger = {
      displayName: "nightly",
      schedule: { cronSpec: "0 0 1 1 *" },
    };
    const made = ok(await client.post(`/api/v1/functions/${fn}/triggers`, { trigger })).trigger;
    const run = async () => {
      const path = `/api/v1/functions/${fn}/triggers/${made.id}/run`;
      const { invocationId } = ok(await client.post(path, {}));
      return (await client.ended(fn, invocationId)).output;
    };
    assert.deepEqual(await run(), { userId: fn, roles: [], sees: [fn] });
    await bind(client, principal, fn);
    assert.equal((await run()).userId, principal);
  },

  "are bound to one principal, which is listed and cannot be deleted": async ({ client }) => {
    const { function: { id: fn } } = await client.createFunction("bound one", {
      "main.ts": MAIN,
    });
    const [first, second] = [
      await makePrincipal(client, "first"),
      await makePrincipal(client, "second"),
    ];
    await bind(client, first, fn);
    const { bindings, nextPageToken } = ok(
      await client.post(`${BINDINGS}/list`, { subject: { function_id: fn } }),
    );
    const [{ createdAt, updatedAt, ...binding }] = bindings;
    assert.match(createdAt, RFC3339_UTC);
    assert.deepEqual([binding, updatedAt, nextPageToken], [of(first, fn), createdAt, ""]);
    await bind(client, first, fn);
    await bind(client, second, fn);
    assert.deepEqual(await boundOf(client, fn), [second]);
    const ofFirst = await client.post(`${BINDINGS}/list`, { servicePrincipalId: first });
    assert.deepEqual(ok(ofFirst).bindings, []);
    ok(await client.call("DELETE", `${PRINCIPALS}/${first}`));
    const answer = await client.call("DELETE", `${PRINCIPALS}/${second}`);
    assertError(answer, "PRINCIPAL_IN_USE", /functions are bound to it: bound one; bind them/);
    assert.deepEqual(await boundOf(client, fn), [second]);
    ok(await client.call("DELETE", `/api/v1/functions/${fn}`));
    assert.deepEqual(await boundOf(client, fn), []);
    ok(await client.call("DELETE", `${PRINCIPALS}/${second}`));
  },

  "are listed in pages": async ({ client }) => {
    const principal = await makePrincipal(client, "of many");
    const ids: string[] = [];
    for (let at = 0; at < 11; at++) {
      const { function: { id } } = await client.createFunction(`many ${at}`);
      await bind(client, principal, id);
      ids.unshift(id);
    }
    const list = (pageToken: string) =>
      client.post(`${BINDINGS}/list`, {
        servicePrincipalId: principal,
        pageSize: 10,
        pageToken,
      });
    const page = ok(await list(""));
    const last = ok(await list(page.nextPageToken));
    const found = [...page.bindings, ...last.bindings].map(({ subject }) => subject.functionId);
    assert.deepEqual([found, last.nextPageToken, page.bindings.length], [ids, "", 10]);
    const message = /many 10, many 9, .*many 1 and more;/;
    const answer = await client.call("DELETE", `${PRINCIPALS}/${principal}`);
    assertError(answer, "PRINCIPAL_IN_USE", message);
  },

  "are bound only to what exists": async ({ client }) => {
    const fn = await client.deploy(MAIN);
    const principal = await makePrincipal(client, "existing");
    for (const path of [BINDINGS, `${BINDINGS}/delete`]) {
      for (const body of [{}, of("", fn), of(principal, ""), { servicePrincipalId: principal }]) {
        assertError(await client.post(path, body), "INVALID_FIELD");
      }
      assertError(await client.post(path, of(principal, MISSING)), "FUNCTION_NOT_FOUND");
    }
    assertError(await client.post(BINDINGS, of(MISSING, fn)), "PRINCIPAL_NOT_FOUND");
    for (const id of [principal, MISSING]) {
      assertError(await client.post(`${BINDINGS}/delete`, of(id, fn)), "BINDING_NOT_FOUND");
    }
    const misspelt = { ...of(principal, fn), dryRun: true };
    assertError(await client.post(`${BINDINGS}/delete`, misspelt), "INVALID_FIELD");
  },

  "manage principals through their SDK": async ({ client }) => {
    const target = await client.deploy(MAIN);
    const fn = await deployWithSdk(
      client,
      `const made = await sdk.principal.create({ displayName: "made by a function" });
      const { servicePrincipal: { id, createdAt } } = made.servicePrincipalServiceCreateResponse;
      const of = { servicePrincipalId: id };
      const created = await sdk.principal.createCredential({
        ...of, servicePrincipalServiceCreateCredentialRequest: { kind: "CREDENTIAL_KIND_API_KEY", expires: "3600s" },
      });
      const { clientSecret, credential, servicePrincipalCredential } =
        created.servicePrincipalServiceCreateCredentialResponse;
      const renamed = await sdk.principal.update({
        id, servicePrincipalServiceUpdateRequest: { servicePrincipal: { displayName: "renamed" }, updateMask: "displayName" },
      });
      const limited = await sdk.principal.updateCredential({
        ...of, id: credential.id,
        servicePrincipalServiceUpdateCredentialRequest: { credential: { scopedRoleIds: ["system:user"] } },
      });
      const role = (await sdk.roles.create({ role: { displayName: "of a function" } })).createRoleResponse.role;
      const changed = await sdk.roles.update({
        roleId: role.id, updateRoleRequest: { role: { functionIds: [input.target] } },
      });
      await sdk.principal.setRoles({ id, setServicePrincipalRolesRequest: { roleIds: [role.id] } });
      await sdk.principal.addBinding({ ...of, subject: { functionId: input.target } });
      const { bindings } = (await sdk.principal.listBindings(of)).servicePrincipalServiceListBindingsResponse;
      const inUse = (await settle(() => sdk.principal.delete({ id }))).reason;
      await sdk.principal.deleteBinding({ ...of, subject: { functionId: input.target } });
      const { list } = (await sdk.principal.listCredentials(of)).servicePrincipalServiceListCredentialsResponse;
      await sdk.principal.revokeCredential({ ...of, id: credential.id });
      await sdk.principal.delete({ id });
      await sdk.roles.delete({ roleId: role.id });
      const gone = (await settle(() => sdk.roles.get({ roleId: role.id }))).reason;
      return {
        key: clientSecret.startsWith("invoked_"), same: servicePrincipalCredential === credential,
        dates: [createdAt, credential.expiresAt, list[0].createdAt, bindings[0].createdAt].every((date) => date instanceof Date),
        renamed: renamed.servicePrincipalServiceUpdateResponse.servicePrincipal.displayName,
        scoped: limited.servicePrincipalServiceUpdateCredentialResponse.credential.scopedRoleIds,
        functionIds: changed.updateRoleResponse.role.functionIds,
        bound: bindings.map(({ subject }) => subject.functionId), inUse, gone,
      };`,
    );
    await bind(client, await makePrincipal(client, "manager", ["system:owner"]), fn);
    assert.deepEqual(await outputOf(client, fn, { target }), {
      key: true,
      same: true,
      dates: true,
      renamed: "renamed",
      scoped: ["00000000000000000systemuser"],
      functionIds: [target],
      bound: [target],
      inUse: "PRINCIPAL_IN_USE",
      gone: "ROLE_NOT_FOUND",
    });
  },
});
