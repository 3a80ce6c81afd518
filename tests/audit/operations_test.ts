/** Every operation that changes something leaves an event. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OPERATIONS } from "../../src/api/mod.ts";
import { deadLetters, QUICK, settings, start, UNSTEADY } from "../retries/support.ts";
import type { Client, Json } from "../support/client.ts";
import { MAIN } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { InvokedTenant } from "../tenants/ten_tenant.ts";
import { type Calls, changeTenants } from "./changed_tenants.ts";
import { giveRights } from "./given_rights.ts";
import { events, lastUid } from "./support.ts";

/** What has a history of its own, or changes nothing. */
const NOT_AUDITED = [
  "c1.api.functions.v1.FunctionsService.Invoke",
  "c1.api.functions.v1.FunctionsService.Test",
  "invoked.CommitService.ResolveTypes",
  "invoked.FunctionService.CheckFunction",
  "invoked.InvocationService.Replay",
  "invoked.TriggerService.RunTrigger",
  "invoked.UploadService.Upload",
  "invoked.WebhookService.Receive",
  "invoked.WebhookService.ReceiveCapability",
];
/** What records events of its own; `log_test.ts`, and the tests of sign-ins, devices and retention, have them. */
const OWN = [
  "invoked.AuthService.DeviceAuthorization",
  "invoked.AuthService.Token",
  "invoked.DeviceService.Approve",
  "invoked.DeviceService.Deny",
  "invoked.DeviceService.Find",
  "invoked.RetentionService.PurgeExpired",
  "invoked.SessionService.CreateOwnerLink",
  "invoked.SessionService.SignIn",
  "invoked.SessionService.SignOut",
];

const FUNCTIONS = "c1.api.functions.v1.FunctionsService";
const CLIENTS = "c1.api.iam.v1.PersonalClientService";
const PRINCIPALS = "c1.api.service_principal.v1.ServicePrincipalService";
const FEDERATION = "c1.api.workload_federation.v1.WorkloadFederationService";
const EXPORTS = "c1.api.systemlog.v1.ExportService";
const SCHEDULE = { displayName: "daily", schedule: { cronSpec: "0 0 * * *" } };
const WEBHOOK = { displayName: "hook", webhook: { hmac: {} } };
const HANGING = "export default () => new Promise((resolve) => setTimeout(resolve, 60_000));";

async function changeFunctions(client: Client, call: Calls): Promise<void> {
  const path = "/api/v1/functions";
  const { function: { id } } = await call(`${FUNCTIONS}.CreateFunction`, "POST", path, {
    displayName: "changed",
  });
  const of = `${path}/${id}`;
  const opened = await call(`${FUNCTIONS}.CreateInitialCommit`, "POST", `${of}/commits`, {
    filenames: ["main.ts"],
  });
  const { commitId, uploadUrls } = opened;
  await client.call("PUT", uploadUrls["main.ts"], MAIN, { "content-type": "text/plain" });
  await call(`${FUNCTIONS}.CreateFinalCommit`, "POST", `${of}/commits/${commitId}/finalize`, {});
  const { commit: { id: second } } = (await client.commit(id, { "main.ts": `${MAIN}//\n` })).body;
  const published = { function: { id, publishedCommitId: commitId } };
  await call(`${FUNCTIONS}.UpdateFunction`, "POST", `${path}/update`, published);
  await client.publish(id, second);
  await call("invoked.FunctionService.RollBack", "POST", `${of}/rollback`, {});
  const tag = { name: "v1", commitId };
  await call(`${FUNCTIONS}.CreateTag`, "POST", `${of}/tags`, tag);
  await call("invoked.TagService.DeleteTag", "DELETE", `${of}/tags/v1`);
  const before = new Date(Date.now() - 1000).toISOString();
  await call("invoked.FunctionService.Purge", "POST", `${of}/purge`, { before });

  const made = await call("invoked.TriggerService.CreateTrigger", "POST", `${of}/triggers`, {
    trigger: WEBHOOK,
  });
  const trigger = `${of}/triggers/${made.trigger.id}`;
  await call("invoked.TriggerService.UpdateTrigger", "PATCH", trigger, {
    trigger: { displayName: "other" },
  });
  await call("invoked.TriggerService.RotateSecret", "POST", `${trigger}/rotate_secret`, {});
  await call("invoked.TriggerService.DeleteTrigger", "DELETE", trigger);
  const { list: [applied] } = await call(
    "invoked.TriggerService.ApplyTriggers",
    "POST",
    `${of}/triggers/apply`,
    { changes: [{ trigger: SCHEDULE }] },
  );
  await client.call("DELETE", `${of}/triggers/${applied.id}`);
  await call(`${FUNCTIONS}.DeleteFunction`, "DELETE", of);
}

async function changeInvocations(client: Client, call: Calls): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 2 } });
  for (let n = 0; n < 4; n++) await client.ended(id, await start(client, id, { until: 9 }));
  const of = `/api/v1/functions/${id}`;
  const letters = `${of}/dead_letters`;
  const [first, second, third] = await deadLetters(client, id);
  await call("invoked.DeadLetterService.Replay", "POST", `${letters}/${first}/replay`, {});
  await call("invoked.DeadLetterService.Drop", "DELETE", `${letters}/${second}`);
  const one = { filter: { idPrefix: third } };
  await call("invoked.DeadLetterService.BulkReplay", "POST", `${letters}/replay`, one);
  await call("invoked.DeadLetterService.BulkDrop", "POST", `${letters}/drop`, {});
  await call("invoked.InvocationService.BulkReplay", "POST", `${of}/invocations/replay`, one);

  const hanging = await client.deploy(HANGING);
  const running = `/api/v1/functions/${hanging}/invocations`;
  const started = await start(client, hanging);
  await call("invoked.InvocationService.Cancel", "POST", `${running}/${started}/cancel`, {});
  await start(client, hanging);
  await call("invoked.InvocationService.BulkCancel", "POST", `${running}/cancel`, {});

  const paused = await client.deploy(MAIN);
  await settings(client, paused, {
    circuitBreakerMax: 1,
    circuitBreakerPeriod: "CIRCUIT_BREAKER_PERIOD_HOUR",
  });
  await client.invoke(paused);
  await client.invoke(paused);
  await call(
    "invoked.FunctionService.ClearCircuitBreaker",
    "POST",
    `/api/v1/functions/${paused}/circuit_breaker/clear`,
    { decision: "PAUSED_EXECUTION_DECISION_CANCEL" },
  );
}

async function changeVolumes(client: Client, call: Calls): Promise<void> {
  const path = "/api/v1/vfs/volumes";
  const { volume: { id } } = await call("invoked.VolumeService.CreateVolume", "POST", path, {
    displayName: "changed",
  });
  const of = `${path}/${id}`;
  const bytes = { "content-type": "application/octet-stream" };
  const text = new TextEncoder().encode("text");
  await call("invoked.VolumeService.WriteFile", "PUT", `${of}/files/a.txt`, text, bytes);
  const archive = await fetch(`${client.url}${of}/archive`, {
    headers: { authorization: `Bearer ${client.token}` },
  });
  const tar = new Uint8Array(await archive.arrayBuffer());
  await call("invoked.VolumeService.DeleteFile", "DELETE", `${of}/files/a.txt`);
  await call("invoked.VolumeService.WriteArchive", "PUT", `${of}/archive`, tar, {
    "content-type": "application/x-tar",
  });
  const { list: [, earlier] } = (await client.get(`${of}/versions`)).body;
  await call("invoked.VolumeService.RestoreVersion", "POST", `${of}/restore`, {
    version: earlier.version,
  });
  await call("invoked.VolumeService.DeleteVolume", "DELETE", of);
}

async function changeIdentities(client: Client, call: Calls): Promise<void> {
  const clients = "/api/v1/iam/personal_clients";
  const { client: { id } } = await call(`${CLIENTS}.Create`, "POST", clients, {
    displayName: "changed",
  });
  const change = { client: { displayName: "other" } };
  await call(`${CLIENTS}.Update`, "POST", `${clients}/${id}`, change);
  await call(`${CLIENTS}.Delete`, "DELETE", `${clients}/${id}`);

  const roles = "/api/v1/iam/roles";
  const role = { displayName: "reads", permissions: [`${FUNCTIONS}.GetFunction`] };
  const { role: { id: roleId } } = await call("invoked.RoleService.Create", "POST", roles, {
    role,
  });
  await call("c1.api.iam.v1.Roles.Update", "POST", `${roles}/${roleId}`, {
    role: { ...role, displayName: "other" },
  });

  const principals = "/api/v1/service_principals";
  const { servicePrincipal } = await call(`${PRINCIPALS}.Create`, "POST", principals, {
    displayName: "changed",
  });
  const of = `${principals}/${servicePrincipal.id}`;
  await call(`${PRINCIPALS}.Update`, "PATCH", of, { servicePrincipal: { displayName: "other" } });
  await call("invoked.ServicePrincipalService.SetRoles", "POST", `${of}/roles`, {
    roleIds: [roleId],
  });
  const { credential } = await call(`${PRINCIPALS}.CreateCredential`, "POST", `${of}/credentials`, {
    displayName: "changed",
  });
  const credentialPath = `${of}/credentials/${credential.id}`;
  await call(`${PRINCIPALS}.UpdateCredential`, "PATCH", credentialPath, {
    credential: { displayName: "other" },
  });
  await call(`${PRINCIPALS}.RevokeCredential`, "DELETE", credentialPath);
  const { function: fn } = await client.createFunction("bound");
  const binding = { servicePrincipalId: servicePrincipal.id, subject: { functionId: fn.id } };
  await call(`${PRINCIPALS}.AddBinding`, "POST", `${principals}/bindings`, binding);
  await call(`${PRINCIPALS}.DeleteBinding`, "POST", `${principals}/bindings/delete`, binding);
  await changeFederation(call, of);
  await call(`${PRINCIPALS}.Delete`, "DELETE", of);
  await call("invoked.RoleService.Delete", "DELETE", `${roles}/${roleId}`);
  await call("invoked.KeyService.RotateSigning", "POST", "/api/v1/signing_keys/rotate", {});
  await call("invoked.AlertReceiverService.Test", "POST", "/api/v1/alerts/test", {});
  await call("invoked.RestoreService.Resume", "POST", "/api/v1/resume", {});
}

async function changeFederation(call: Calls, of: string): Promise<void> {
  const providers = "/api/v1/workload_federation/providers";
  const { provider } = await call(`${FEDERATION}.CreateProvider`, "POST", providers, {
    displayName: "changed",
    issuerUrl: "https://issuer.example",
    wellKnownProvider: "WELL_KNOWN_WORKLOAD_PROVIDER_CUSTOM",
    oidc: {},
  });
  const path = `${providers}/${provider.id}`;
  await call(`${FEDERATION}.UpdateProvider`, "PATCH", path, { provider: { displayName: "other" } });
  const { trust } = await call(`${FEDERATION}.CreateTrust`, "POST", `${of}/trusts`, {
    providerId: provider.id,
    displayName: "changed",
    conditionExpression: 'claims.sub == "x"',
  });
  const trustPath = `${of}/trusts/${encodeURIComponent(trust.clientId)}`;
  await call(`${FEDERATION}.UpdateTrust`, "PATCH", trustPath, { trust: { displayName: "other" } });
  await call(`${FEDERATION}.DeleteTrust`, "DELETE", trustPath);
  await call(`${FEDERATION}.DeleteProvider`, "DELETE", path);
}

async function changePeople(client: Client, call: Calls, dataDir: string): Promise<void> {
  const id = "2".repeat(27);
  // Only a provider makes people.
  const db = new DatabaseSync(join(dataDir, "invoked.db"), { timeout: 60_000 });
  db.prepare(
    "insert into principals (id, kind, display_name, roles, created_at) values (?, 'person', 'Ada', '[]', '')",
  ).run(id);
  const session = db.prepare(`insert into console_sessions
    (id, token_hash, principal_id, client_id, address, user_agent, created_at, expires_at)
    values (?, ?, ?, ?, '', '', ?, ?)`);
  const now = new Date().toISOString();
  session.run("3".repeat(27), "hash", id, "none", now, "2999-01-01T00:00:00.000Z");
  const { user_id: own } = { user_id: (await client.get("/api/v1/auth/introspect")).body.userId };
  session.run("4".repeat(27), "other", own, "none", now, "2999-01-01T00:00:00.000Z");
  db.close();
  const of = `/api/v1/users/${id}`;
  await call("invoked.UserService.RevokeSession", "DELETE", `${of}/sessions/${"3".repeat(27)}`);
  await call("invoked.SessionService.Revoke", "DELETE", `/auth/v1/sessions/${"4".repeat(27)}`);
  await call("invoked.SessionService.CreateLink", "POST", "/auth/v1/session_links", {});
  await call("invoked.UserService.SetRoles", "POST", `${of}/roles`, { roleIds: ["system:viewer"] });
  await call("invoked.UserService.Update", "PATCH", of, {
    user: { disabled: true },
    updateMask: "disabled",
  });
  await call("invoked.UserService.Delete", "DELETE", of);
}

async function changeExports(call: Calls): Promise<void> {
  const path = "/api/v1/systemlog/exports";
  const { exporter: { exportId } } = await call(`${EXPORTS}.Create`, "POST", path, {
    displayName: "changed",
    datasource: { datasourceId: "x" },
  });
  const of = `${path}/${exportId}`;
  await call(`${EXPORTS}.Update`, "POST", of, { exporter: { displayName: "other" } });
  await call(`${EXPORTS}.Delete`, "DELETE", of);
}

Deno.test("every operation that changes something leaves an event, or has a reason not to", async (t) => {
  const changing = OPERATIONS.filter(({ activity }) => activity !== "read");
  const idsOf = (mode: string | undefined) =>
    changing.filter(({ audited }) => audited === mode).map(({ operationId }) => operationId)
      .toSorted();
  assert.deepEqual(idsOf(undefined), NOT_AUDITED);
  assert.deepEqual(idsOf("own"), OWN);

  await using directory = await makeTempDir();
  await using tenant = await InvokedTenant.start();
  const flags = [
    ...tenant.flags,
    ...["--audit-export-dir", directory.path, "--api-rate", "0"],
    ...["--alert-url", "http://127.0.0.1:9/"],
  ];
  await using server = await TestServer.start({ flags });
  const client = await server.client();
  const called: string[] = [];
  const call: Calls = async (operationId, ...request) => {
    const sinceEventUid = await lastUid(client);
    const { status, body } = await client.call(...request);
    assert.ok(status < 300, `${operationId}: ${status} ${JSON.stringify(body)}`);
    const added = await events(client, { sinceEventUid });
    const its = added.filter((event: Json) => event.api?.operation === operationId);
    assert.ok(its.length > 0, `${operationId} leaves no event`);
    for (const { status_id, actor } of its) {
      assert.deepEqual([status_id, actor.user.name], [1, "Administrator"], operationId);
    }
    called.push(operationId);
    return body;
  };
  await t.step("functions, commits, tags and triggers", () => changeFunctions(client, call));
  await t.step("invocations and dead letters", () => changeInvocations(client, call));
  await t.step("volumes", () => changeVolumes(client, call));
  await t.step("principals and what they have", () => changeIdentities(client, call));
  await t.step("what rights were given, and to whom", () => giveRights(client));
  await t.step("people and sessions", () => changePeople(client, call, server.dataDir));
  await t.step("tenants", () => changeTenants(call, tenant));
  await t.step("exports", () => changeExports(call));
  const audited = [...idsOf("changes"), ...idsOf("call")];
  assert.deepEqual(called.toSorted(), audited.toSorted());
});
