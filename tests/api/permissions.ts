/** What each operation needs, and what each built-in role grants, written by hand for people who review it. */
import assert from "node:assert/strict";
import type { OperationPermission } from "../../src/api/operation.ts";

const FUNCTIONS = "c1.api.functions.v1.FunctionsService";
const INVOCATIONS = "c1.api.functions.v1.FunctionsInvocationService";
const CLIENTS = "c1.api.iam.v1.PersonalClientService";
const PRINCIPALS = "c1.api.service_principal.v1.ServicePrincipalService";
const SESSIONS = "invoked.SessionService";
const EXPORTS = "c1.api.systemlog.v1.ExportService";
const FEDERATION = "c1.api.workload_federation.v1.WorkloadFederationService";
const TENANTS = "invoked.TenantService";
const TRIGGERS = "invoked.TriggerService";
const USERS = "invoked.UserService";
const VOLUMES = "invoked.VolumeService";

/** What each operation needs. Written by hand: a new operation fails here until its permission is decided. */
export const PERMISSIONS: Readonly<Record<string, OperationPermission>> = {
  "invoked.AuthService.Token": "public",
  "c1.api.auth.v1.Auth.Introspect": "self",
  "invoked.DiscoveryService.GetAuthorizationServer": "public",
  "invoked.DiscoveryService.GetProtectedResource": "public",
  "invoked.DiscoveryService.GetProtectedPath": "public",
  "invoked.DiscoveryService.GetKeySet": "public",
  "invoked.DiscoveryService.GetKeySetOfAuth": "public",
  "invoked.KeyService.RotateSigning": "identity:write",
  "invoked.RetentionService.PurgeExpired": "identity:write",
  "invoked.AuthService.DeviceAuthorization": "public",
  "invoked.DeviceService.Find": "console",
  "invoked.DeviceService.Approve": "console",
  "invoked.DeviceService.Deny": "console",
  [`${SESSIONS}.CreateLink`]: "self",
  [`${SESSIONS}.SignIn`]: "console",
  [`${SESSIONS}.GetCurrent`]: "console",
  [`${SESSIONS}.SignOut`]: "console",
  [`${SESSIONS}.List`]: "self",
  [`${SESSIONS}.Revoke`]: "self",
  [`${SESSIONS}.CreateOwnerLink`]: "signed-request",
  [`${SESSIONS}.BeginProviderSignIn`]: "browser",
  [`${SESSIONS}.FinishProviderSignIn`]: "browser",
  "c1.api.user.v1.UserService.List": "identity:read",
  "c1.api.user.v1.UserService.Get": "self",
  "c1.api.user.v1.UserSearch.Search": "identity:read",
  [`${USERS}.Update`]: "identity:write",
  [`${USERS}.SetRoles`]: "identity:write",
  [`${USERS}.Delete`]: "identity:write",
  [`${USERS}.ListSessions`]: "identity:read",
  [`${USERS}.RevokeSession`]: "identity:write",
  [`${CLIENTS}.List`]: "self",
  [`${CLIENTS}.Create`]: "self",
  [`${CLIENTS}.Get`]: "self",
  [`${CLIENTS}.Update`]: "self",
  [`${CLIENTS}.Delete`]: "self",
  [`${PRINCIPALS}.List`]: "identity:read",
  [`${PRINCIPALS}.Create`]: "identity:write",
  [`${PRINCIPALS}.Get`]: "identity:read",
  [`${PRINCIPALS}.Update`]: "identity:write",
  [`${PRINCIPALS}.Delete`]: "identity:write",
  "invoked.ServicePrincipalService.SetRoles": "identity:write",
  [`${PRINCIPALS}.ListCredentials`]: "identity:read",
  [`${PRINCIPALS}.CreateCredential`]: "identity:write",
  [`${PRINCIPALS}.GetCredential`]: "identity:read",
  [`${PRINCIPALS}.UpdateCredential`]: "identity:write",
  [`${PRINCIPALS}.RevokeCredential`]: "identity:write",
  [`${PRINCIPALS}.AddBinding`]: "identity:write",
  [`${PRINCIPALS}.DeleteBinding`]: "identity:write",
  [`${PRINCIPALS}.ListBindings`]: "identity:read",
  "c1.api.iam.v1.Roles.List": "self",
  "c1.api.iam.v1.Roles.Get": "self",
  "invoked.RoleService.Create": "identity:write",
  "c1.api.iam.v1.Roles.Update": "identity:write",
  "invoked.RoleService.Delete": "identity:write",
  "c1.api.systemlog.v1.SystemLogService.ListEvents": "log:read",
  "invoked.AuditService.Verify": "log:read",
  "c1.api.systemlog.v1.ExportsSearchService.Search": "log:read",
  [`${EXPORTS}.List`]: "log:read",
  [`${EXPORTS}.Get`]: "log:read",
  [`${EXPORTS}.ListEvents`]: "log:read",
  [`${EXPORTS}.Create`]: "log:write",
  [`${EXPORTS}.Update`]: "log:write",
  [`${EXPORTS}.Delete`]: "log:write",
  [`${FEDERATION}.ListProviders`]: "identity:read",
  [`${FEDERATION}.CreateProvider`]: "identity:write",
  [`${FEDERATION}.GetProvider`]: "identity:read",
  [`${FEDERATION}.UpdateProvider`]: "identity:write",
  [`${FEDERATION}.DeleteProvider`]: "identity:write",
  [`${FEDERATION}.SearchTrusts`]: "identity:read",
  [`${FEDERATION}.ListTrusts`]: "identity:read",
  [`${FEDERATION}.CreateTrust`]: "identity:write",
  [`${FEDERATION}.GetTrust`]: "identity:read",
  [`${FEDERATION}.UpdateTrust`]: "identity:write",
  [`${FEDERATION}.DeleteTrust`]: "identity:write",
  [`${FEDERATION}.TestToken`]: "identity:read",
  [`${FEDERATION}.TestCEL`]: "identity:read",
  [`${FUNCTIONS}.ListFunctions`]: "functions:read",
  [`${FUNCTIONS}.CreateFunction`]: "functions:write",
  [`${FUNCTIONS}.UpdateFunction`]: "functions:write",
  "invoked.FunctionService.CheckFunction": "functions:write",
  "c1.api.functions.v1.FunctionsSearch.Search": "functions:read",
  [`${FUNCTIONS}.GetFunction`]: "functions:read",
  [`${FUNCTIONS}.DeleteFunction`]: "functions:write",
  "invoked.FunctionService.ListPublishes": "functions:read",
  "invoked.FunctionService.RollBack": "functions:write",
  "invoked.FunctionService.Purge": "functions:write",
  "invoked.FunctionService.ListPurges": "functions:read",
  "invoked.FunctionService.ClearCircuitBreaker": "functions:invoke",
  [`${FUNCTIONS}.ListCommits`]: "functions:read",
  [`${FUNCTIONS}.CreateInitialCommit`]: "functions:write",
  [`${FUNCTIONS}.CreateFinalCommit`]: "functions:write",
  [`${FUNCTIONS}.GetLockFile`]: "functions:read",
  [`${FUNCTIONS}.GetCommitContent`]: "functions:read",
  "invoked.UploadService.Upload": "signed-url",
  [`${FUNCTIONS}.ListTags`]: "functions:read",
  [`${FUNCTIONS}.CreateTag`]: "functions:write",
  "invoked.TagService.DeleteTag": "functions:write",
  [`${FUNCTIONS}.Invoke`]: "functions:invoke",
  [`${FUNCTIONS}.Test`]: "functions:invoke",
  [`${INVOCATIONS}.List`]: "functions:read",
  [`${INVOCATIONS}.Get`]: "functions:read",
  "c1.api.functions.v1.FunctionsInvocationSearchService.Search": "functions:read",
  "invoked.InvocationService.Cancel": "functions:invoke",
  "invoked.InvocationService.Get": "functions:read",
  "invoked.InvocationService.Replay": "functions:invoke",
  "invoked.InvocationService.BulkReplay": "functions:invoke",
  "invoked.InvocationService.BulkCancel": "functions:invoke",
  "invoked.InvocationSearchService.Search": "functions:read",
  "invoked.DeadLetterService.List": "functions:read",
  "invoked.DeadLetterService.Get": "functions:read",
  "invoked.DeadLetterService.Replay": "functions:invoke",
  "invoked.DeadLetterService.Drop": "functions:invoke",
  "invoked.DeadLetterService.BulkReplay": "functions:invoke",
  "invoked.DeadLetterService.BulkDrop": "functions:invoke",
  "invoked.InvocationService.ListLogs": "functions:read",
  [`${TRIGGERS}.ListTriggers`]: "functions:read",
  [`${TRIGGERS}.CreateTrigger`]: "functions:write",
  [`${TRIGGERS}.ApplyTriggers`]: "functions:write",
  [`${TRIGGERS}.GetTrigger`]: "functions:read",
  [`${TRIGGERS}.UpdateTrigger`]: "functions:write",
  [`${TRIGGERS}.DeleteTrigger`]: "functions:write",
  [`${TRIGGERS}.RotateSecret`]: "functions:write",
  [`${TRIGGERS}.RunTrigger`]: "functions:invoke",
  [`${TRIGGERS}.ListDeliveries`]: "functions:read",
  "invoked.WebhookService.Receive": "signed-request",
  "invoked.WebhookService.ReceiveCapability": "signed-request",
  "invoked.WebhookService.AnswerHandshake": "signed-request",
  "invoked.WebhookService.AnswerCapabilityHandshake": "signed-request",
  [`${VOLUMES}.ListVolumes`]: "volumes:read",
  [`${VOLUMES}.CreateVolume`]: "volumes:write",
  [`${VOLUMES}.GetVolume`]: "volumes:read",
  [`${VOLUMES}.DeleteVolume`]: "volumes:write",
  [`${VOLUMES}.ListEntries`]: "volumes:read",
  [`${VOLUMES}.ListVersions`]: "volumes:read",
  [`${VOLUMES}.RestoreVersion`]: "volumes:write",
  [`${VOLUMES}.ReadFile`]: "volumes:read",
  [`${VOLUMES}.WriteFile`]: "volumes:write",
  [`${VOLUMES}.DeleteFile`]: "volumes:write",
  [`${VOLUMES}.ReadArchive`]: "volumes:read",
  [`${VOLUMES}.WriteArchive`]: "volumes:write",
  [`${TENANTS}.List`]: "tenants:read",
  [`${TENANTS}.Create`]: "tenants:write",
  [`${TENANTS}.Get`]: "tenants:read",
  [`${TENANTS}.Update`]: "tenants:write",
  [`${TENANTS}.Delete`]: "tenants:write",
  [`${TENANTS}.CreateCredential`]: "tenants:write",
  [`${TENANTS}.RotateCredential`]: "tenants:write",
  [`${TENANTS}.DeleteCredential`]: "tenants:write",
  [`${TENANTS}.Check`]: "tenants:write",
  "invoked.HealthService.GetHealth": "public",
  "invoked.HealthService.GetReadiness": "public",
  "invoked.OpenApiService.GetDocument": "public",
  "invoked.AlertService.List": "server:read",
  "invoked.AlertReceiverService.Test": "server:write",
  "invoked.ServerService.GetStatus": "server:read",
  "invoked.ServerService.GetMetrics": "metrics:read",
  "invoked.RestoreService.Resume": "server:write",
  "invoked.StatisticsService.Get": "functions:read",
  "invoked.CommitService.GetTypes": "functions:read",
  "invoked.CommitService.GetSdkTypes": "functions:read",
  "invoked.CommitService.ResolveTypes": "functions:write",
  "invoked.StatisticsService.GetOfFunction": "functions:read",
  "invoked.UsageService.List": "functions:read",
  "invoked.ServerService.WatchChanges": "functions:read",
};

/** Operations with a permission that functions cannot call: their requests or responses are raw bytes. */
const RAW = ["ReadFile", "WriteFile", "DeleteFile", "ReadArchive", "WriteArchive"]
  .map((name) => `${VOLUMES}.${name}`).concat(
    "invoked.ServerService.WatchChanges",
    "invoked.ServerService.GetMetrics",
  );

/** What the caller sees of several functions: functions, too, may call them, and see themselves. */
const OF_SEVERAL = ["ListFunctions"].map((name) => `${FUNCTIONS}.${name}`).concat(
  "c1.api.functions.v1.FunctionsSearch.Search",
  "invoked.InvocationService.Get",
  "invoked.InvocationSearchService.Search",
  "invoked.StatisticsService.Get",
  "invoked.UsageService.List",
  "invoked.CommitService.GetSdkTypes",
);

/** The groups of each built-in role; a caller without a role has none. */
export const GROUPS_OF: Readonly<Record<string, readonly OperationPermission[]>> = {
  "system:user": ["self"],
  "system:log_viewer": ["self", "log:read"],
  "system:metrics_reader": ["self", "metrics:read"],
  "system:viewer": [
    ...["self", "functions:read", "volumes:read", "server:read", "metrics:read"] as const,
    ...["tenants:read", "identity:read", "log:read"] as const,
  ],
  "functions:invoker": [
    "self",
    "functions:read",
    "functions:invoke",
    "volumes:read",
    "server:read",
  ],
  "functions:developer": [
    ...["self", "functions:read", "functions:invoke", "functions:write"] as const,
    ...["volumes:read", "volumes:write", "server:read"] as const,
  ],
  "system:owner": [
    ...["self", "functions:read", "functions:invoke", "functions:write"] as const,
    ...["volumes:read", "volumes:write", "server:read", "metrics:read", "server:write"] as const,
    ...["tenants:read", "tenants:write"] as const,
    ...["identity:read", "identity:write", "log:read", "log:write"] as const,
  ],
};

/** Whether a function may call it without a role: about itself, or for what it sees of several functions. */
export function isOfFunction(operationId: string): boolean {
  return PERMISSIONS[operationId] === "self" || OF_SEVERAL.includes(operationId);
}

function isOfClients(operationId: string): boolean {
  return [
    CLIENTS,
    SESSIONS,
    "invoked.KeyService",
    "invoked.AlertReceiverService",
    "invoked.RestoreService.Resume",
    "invoked.RetentionService",
    `${FEDERATION}.Test`,
    TENANTS,
  ]
    .some((name) => operationId.startsWith(name));
}

/** Whether the operation needs a role. */
export function isGuarded(operationId: string): boolean {
  return !["public", "signed-url", "signed-request", "console", "browser"].includes(
    PERMISSIONS[operationId] ?? "",
  );
}

/** Whether one of the roles allows the operation. */
export function isAllowed(operationId: string, roles: readonly string[]): boolean {
  const permission = PERMISSIONS[operationId] ?? assert.fail(`${operationId} is not known`);
  return !isGuarded(operationId) ||
    roles.some((role) => GROUPS_OF[role]?.includes(permission));
}

/** Whether functions may call the operation. */
export function isOffered(operationId: string): boolean {
  return isGuarded(operationId) && !RAW.includes(operationId) && !isOfClients(operationId);
}
