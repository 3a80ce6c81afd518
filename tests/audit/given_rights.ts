/** The events of given rights. */
import assert from "node:assert/strict";
import type { Answer, Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { events, page } from "./support.ts";

const FUNCTIONS = "c1.api.functions.v1.FunctionsService";
const PRINCIPALS = "c1.api.service_principal.v1.ServicePrincipalService";
const FEDERATION = "c1.api.workload_federation.v1.WorkloadFederationService";

/** What the last event of an operation says of its first resource. */
async function recorded(client: Client, operation: string): Promise<Json> {
  const { list: [event] } = await page(client, { operation, sortDirection: "SORT_DIRECTION_DESC" });
  return event.resources[0].data;
}

/** Who got which rights, under what limits, and what was otherwise until then. */
export async function giveRights(client: Client): Promise<void> {
  const gives = async (operation: string, request: Promise<Answer<Json>>, facts: Json) => {
    const body = ok(await request);
    assert.deepEqual(await recorded(client, operation), facts, operation);
    return body;
  };
  const [read, invoke] = ["GetFunction", "Invoke"].map((name) => `${FUNCTIONS}.${name}`);
  const role = (permissions: unknown) => ({ role: { displayName: "gives", permissions } });
  const { role: { id: roleId } } = await gives(
    "invoked.RoleService.Create",
    client.post("/api/v1/iam/roles", role([read])),
    { change: "created", permissions: [read] },
  );
  await gives(
    "c1.api.iam.v1.Roles.Update",
    client.post(`/api/v1/iam/roles/${roleId}`, { ...role([invoke]), updateMask: "permissions" }),
    {
      change: "updated",
      permissions: [invoke],
      function_ids: null,
      earlier: { permissions: [read] },
    },
  );

  const principals = "/api/v1/service_principals";
  const make = async (displayName: string) =>
    ok(await client.post(principals, { displayName })).servicePrincipal.id;
  const [first, second] = [await make("first"), await make("second")];
  await gives(
    "invoked.ServicePrincipalService.SetRoles",
    client.post(`${principals}/${first}/roles`, { roleIds: [roleId] }),
    { change: "updated", role_ids: [roleId], earlier: { role_ids: [] } },
  );
  await gives(
    `${PRINCIPALS}.Update`,
    client.call("PATCH", `${principals}/${first}`, { servicePrincipal: { disabled: true } }),
    { change: "updated", disabled: true, earlier: { disabled: false } },
  );
  const { credential, clientSecret } = ok(
    await client.post(`${principals}/${first}/credentials`, {
      displayName: "limited",
      scopedRoles: [roleId],
      allowSourceCidrs: ["192.0.2.0/24"],
      expires: "3600s",
    }),
  );
  assert.deepEqual(await recorded(client, `${PRINCIPALS}.CreateCredential`), {
    change: "created",
    kind: "secret",
    scoped_role_ids: [roleId],
    allow_source_cidrs: ["192.0.2.0/24"],
    expires_at: credential.expiresAt,
  });

  const { function: { id: functionId } } = await client.createFunction("bound");
  const bind = (servicePrincipalId: string) =>
    client.post(`${principals}/bindings`, { servicePrincipalId, subject: { functionId } });
  ok(await bind(first));
  await gives(`${PRINCIPALS}.AddBinding`, bind(second), {
    change: "updated",
    service_principal_id: second,
    earlier: { service_principal_id: first },
  });
  await gives(
    `${FUNCTIONS}.UpdateFunction`,
    client.update(functionId, { scopedRoleIds: [roleId] }),
    { change: "updated", scoped_role_ids: [roleId], earlier: { scoped_role_ids: [] } },
  );

  const { provider } = ok(
    await client.post("/api/v1/workload_federation/providers", {
      displayName: "strange",
      issuerUrl: "https://strange.example",
      wellKnownProvider: "WELL_KNOWN_WORKLOAD_PROVIDER_CUSTOM",
      oidc: {},
    }),
  );
  const conditionExpression = `claims.sub == "\u0085${"x".repeat(900)}"`;
  const trust = { providerId: provider.id, displayName: "strange", conditionExpression };
  ok(await client.post(`${principals}/${second}/trusts`, trust));
  const { condition_expression: cut, provider_id } = await recorded(
    client,
    `${FEDERATION}.CreateTrust`,
  );
  assert.deepEqual(
    [cut, provider_id],
    [`claims.sub == "\ufffd${"x".repeat(512 - 16)}`, provider.id],
  );
  const log = JSON.stringify(await events(client));
  assert.ok(!log.includes(clientSecret), "the log holds no secret");
}
