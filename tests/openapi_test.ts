import assert from "node:assert/strict";
import { Client, type Json } from "./support/client.ts";
import { assertError, ok } from "./support/expect.ts";
import { sharedSuite } from "./support/suite.ts";

const FUNCTIONS = "c1.api.functions.v1.FunctionsService";
const INVOCATIONS = "c1.api.functions.v1.FunctionsInvocationService";

const CLIENTS = "c1.api.iam.v1.PersonalClientService";
const TRIGGERS = "invoked.TriggerService";
const VOLUMES = "invoked.VolumeService";

/** Every operation with its id; those of C1 under C1's own. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "post /auth/v1/token": "invoked.AuthService.Token",
  "get /api/v1/auth/introspect": "c1.api.auth.v1.Auth.Introspect",
  "get /api/v1/iam/personal_clients": `${CLIENTS}.List`,
  "post /api/v1/iam/personal_clients": `${CLIENTS}.Create`,
  "get /api/v1/iam/personal_clients/{id}": `${CLIENTS}.Get`,
  "post /api/v1/iam/personal_clients/{id}": `${CLIENTS}.Update`,
  "delete /api/v1/iam/personal_clients/{id}": `${CLIENTS}.Delete`,
  "get /api/v1/functions": `${FUNCTIONS}.ListFunctions`,
  "post /api/v1/functions": `${FUNCTIONS}.CreateFunction`,
  "get /api/v1/functions/{id}": `${FUNCTIONS}.GetFunction`,
  "delete /api/v1/functions/{id}": `${FUNCTIONS}.DeleteFunction`,
  "post /api/v1/functions/update": `${FUNCTIONS}.UpdateFunction`,
  "post /api/v1/search/functions": "c1.api.functions.v1.FunctionsSearch.Search",
  "get /api/v1/functions/{function_id}/publishes": "invoked.FunctionService.ListPublishes",
  "post /api/v1/functions/{function_id}/rollback": "invoked.FunctionService.RollBack",
  "post /api/v1/functions/{function_id}/purge": "invoked.FunctionService.Purge",
  "get /api/v1/functions/{function_id}/purges": "invoked.FunctionService.ListPurges",
  "post /api/v1/functions/{function_id}/circuit_breaker/clear":
    "invoked.FunctionService.ClearCircuitBreaker",
  "get /api/v1/functions/{function_id}/commits": `${FUNCTIONS}.ListCommits`,
  "post /api/v1/functions/{function_id}/commits": `${FUNCTIONS}.CreateInitialCommit`,
  "post /api/v1/functions/{function_id}/commits/{commit_id}/finalize":
    `${FUNCTIONS}.CreateFinalCommit`,
  "get /api/v1/functions/{function_id}/commits/{id}": `${FUNCTIONS}.GetCommitContent`,
  "get /api/v1/functions/{function_id}/commits/{commit_id}/lockfile": `${FUNCTIONS}.GetLockFile`,
  "get /api/v1/functions/{function_id}/tags": `${FUNCTIONS}.ListTags`,
  "post /api/v1/functions/{function_id}/tags": `${FUNCTIONS}.CreateTag`,
  "delete /api/v1/functions/{function_id}/tags/{name}": "invoked.TagService.DeleteTag",
  "post /api/v1/functions/{function_id}/invoke": `${FUNCTIONS}.Invoke`,
  "post /api/v1/functions/{function_id}/test": `${FUNCTIONS}.Test`,
  "get /api/v1/functions/{function_id}/invocations": `${INVOCATIONS}.List`,
  "get /api/v1/functions/{function_id}/invocations/{id}": `${INVOCATIONS}.Get`,
  "post /api/v1/functions/{function_id}/invocations/search":
    "c1.api.functions.v1.FunctionsInvocationSearchService.Search",
  "get /api/v1/functions/{function_id}/invocations/{id}/logs": "invoked.InvocationService.ListLogs",
  "post /api/v1/functions/{function_id}/invocations/{id}/cancel":
    "invoked.InvocationService.Cancel",
  "get /api/v1/functions/{function_id}/triggers": `${TRIGGERS}.ListTriggers`,
  "post /api/v1/functions/{function_id}/triggers": `${TRIGGERS}.CreateTrigger`,
  "post /api/v1/functions/{function_id}/triggers/apply": `${TRIGGERS}.ApplyTriggers`,
  "get /api/v1/functions/{function_id}/triggers/{id}": `${TRIGGERS}.GetTrigger`,
  "patch /api/v1/functions/{function_id}/triggers/{id}": `${TRIGGERS}.UpdateTrigger`,
  "delete /api/v1/functions/{function_id}/triggers/{id}": `${TRIGGERS}.DeleteTrigger`,
  "post /api/v1/functions/{function_id}/triggers/{id}/rotate_secret": `${TRIGGERS}.RotateSecret`,
  "post /api/v1/functions/{function_id}/triggers/{id}/run": `${TRIGGERS}.RunTrigger`,
  "get /api/v1/functions/{function_id}/triggers/{id}/deliveries": `${TRIGGERS}.ListDeliveries`,
  "post /api/v1/functions/{function_id}/invocations/{id}/replay":
    "invoked.InvocationService.Replay",
  "get /api/v1/invocations/{id}": "invoked.InvocationService.Get",
  "post /api/v1/search/invocations": "invoked.InvocationSearchService.Search",
  "post /api/v1/functions/{function_id}/invocations/replay": "invoked.InvocationService.BulkReplay",
  "post /api/v1/functions/{function_id}/invocations/cancel": "invoked.InvocationService.BulkCancel",
  "get /api/v1/functions/{function_id}/dead_letters": "invoked.DeadLetterService.List",
  "get /api/v1/functions/{function_id}/dead_letters/{id}": "invoked.DeadLetterService.Get",
  "delete /api/v1/functions/{function_id}/dead_letters/{id}": "invoked.DeadLetterService.Drop",
  "post /api/v1/functions/{function_id}/dead_letters/{id}/replay":
    "invoked.DeadLetterService.Replay",
  "post /api/v1/functions/{function_id}/dead_letters/replay":
    "invoked.DeadLetterService.BulkReplay",
  "post /api/v1/functions/{function_id}/dead_letters/drop": "invoked.DeadLetterService.BulkDrop",
  "get /api/v1/webhooks/incoming/{listener_id}": "invoked.WebhookService.AnswerHandshake",
  "get /api/v1/webhooks/incoming/{listener_id}/t/{token}":
    "invoked.WebhookService.AnswerCapabilityHandshake",
  "post /api/v1/webhooks/incoming/{listener_id}": "invoked.WebhookService.Receive",
  "post /api/v1/webhooks/incoming/{listener_id}/t/{token}":
    "invoked.WebhookService.ReceiveCapability",
  "post /auth/v1/session_links": "invoked.SessionService.CreateLink",
  "post /auth/v1/session": "invoked.SessionService.SignIn",
  "get /auth/v1/session": "invoked.SessionService.GetCurrent",
  "delete /auth/v1/session": "invoked.SessionService.SignOut",
  "get /auth/v1/sessions": "invoked.SessionService.List",
  "delete /auth/v1/sessions/{id}": "invoked.SessionService.Revoke",
  "put /file/{token}": "invoked.UploadService.Upload",
  "get /api/v1/vfs/volumes": `${VOLUMES}.ListVolumes`,
  "post /api/v1/vfs/volumes": `${VOLUMES}.CreateVolume`,
  "get /api/v1/vfs/volumes/{id}": `${VOLUMES}.GetVolume`,
  "delete /api/v1/vfs/volumes/{id}": `${VOLUMES}.DeleteVolume`,
  "get /api/v1/vfs/volumes/{id}/entries": `${VOLUMES}.ListEntries`,
  "get /api/v1/vfs/volumes/{id}/versions": `${VOLUMES}.ListVersions`,
  "post /api/v1/vfs/volumes/{id}/restore": `${VOLUMES}.RestoreVersion`,
  "get /api/v1/vfs/volumes/{id}/files/{path}": `${VOLUMES}.ReadFile`,
  "put /api/v1/vfs/volumes/{id}/files/{path}": `${VOLUMES}.WriteFile`,
  "delete /api/v1/vfs/volumes/{id}/files/{path}": `${VOLUMES}.DeleteFile`,
  "get /api/v1/vfs/volumes/{id}/archive": `${VOLUMES}.ReadArchive`,
  "put /api/v1/vfs/volumes/{id}/archive": `${VOLUMES}.WriteArchive`,
  "get /healthz": "invoked.HealthService.GetHealth",
  "get /readyz": "invoked.HealthService.GetReadiness",
  "get /api/v1/events": "invoked.ServerService.WatchChanges",
  "get /api/v1/status": "invoked.ServerService.GetStatus",
  "post /api/v1/functions/check": "invoked.FunctionService.CheckFunction",
  "get /api/v1/functions/statistics": "invoked.StatisticsService.Get",
  "get /api/v1/functions/types": "invoked.CommitService.GetSdkTypes",
  "post /api/v1/functions/types": "invoked.CommitService.ResolveTypes",
  "get /api/v1/functions/{function_id}/commits/{commit_id}/types": "invoked.CommitService.GetTypes",
  "get /api/v1/functions/{function_id}/statistics": "invoked.StatisticsService.GetOfFunction",
  "get /openapi.json": "invoked.OpenApiService.GetDocument",
};

/** Fields by schema: exactly what the API documents. */
const FIELDS: Readonly<Record<string, string>> = {
  "c1.api.functions.v1.Function":
    "circuitBreakerMax circuitBreakerPausedAt circuitBreakerPeriod concurrencyKey cpuTimeout createdAt debounce deletedAt description displayName effectiveLimits functionType head hookRefs id isDraft maxConcurrency maxConcurrencyPerKey memoryMib onFailure onSuccess outboundNetworkAllowlist processReuse provisionedConcurrency publishedCommitId rateLimit retention retryPolicy scopedRoleIds secret timeout updatedAt useSpn variables vfsId workflowTemplateRefs",
  "c1.api.functions.v1.FunctionCommit":
    "author createdAt functionId id limits message purgedAt purgedBy",
  "c1.api.functions.v1.FunctionInvocation":
    "attempt attempts commitId createdAt depth egress endedAt error failure functionId http id input inputPreview limits maxAttempts notBefore output parentInvocationId phases principal processKind processReuse skipReason startedAt status trigger updatedAt usage vfsId vfsVersionRead vfsVersionWritten waitReason worker",
  "invoked.InvocationTrigger": "id kind",
  "invoked.Debounce": "delay key maxDelay",
  "invoked.RateLimit": "calls period",
  "invoked.ClearCircuitBreakerRequest": "decision reason",
  "invoked.Destination": "functionId url",
  "invoked.SentEnd": "attempts error functionId invocationId nextAttemptAt state updatedAt url",
  "invoked.RetryPolicy": "initialBackoff maxAttempts maxBackoff retryOn",
  "invoked.DeadLetter": "attempts error functionId id invocationId parkedAt",
  "invoked.ReplayRequest": "commitId json",
  "invoked.InvocationHttp": "method path requestBody requestBytes responseBytes status",
  "invoked.Attempt": "attempt endedAt error startedAt",
  "invoked.InvocationPhase": "duration name startedAt",
  "invoked.InvocationUsage": "cpuTime egressBytes peakMemoryBytes volumeBytes wallTime",
  "invoked.EgressVerdict": "bytes count host verdict",
  "c1.api.functions.v1.FunctionsServiceCreateFunctionRequest":
    "circuitBreakerMax circuitBreakerPeriod commitMessage concurrencyKey cpuTimeout debounce description displayName functionType initialContent maxConcurrency maxConcurrencyPerKey memoryMib onFailure onSuccess outboundNetworkAllowlist processReuse provisionedConcurrency rateLimit retention retryPolicy scopedRoleIds timeout variables vfsId",
  "c1.api.functions.v1.FunctionsServiceUpdateFunctionRequest":
    "commitMessage content function updateMask",
  "invoked.CheckFunctionRequest": "function updateMask",
  "c1.api.functions.v1.FunctionsServiceCreateInitialCommitRequest": "commitMessage filenames",
  "c1.api.functions.v1.FunctionsServiceCreateTagRequest": "commitId name",
  "c1.api.functions.v1.FunctionsServiceInvokeRequest": "commitId json vfsId",
  "c1.api.functions.v1.FunctionsServiceInvokeResponse": "invocationId json",
  "c1.api.functions.v1.FunctionsServiceTestRequest": "commitId secrets variables",
  "c1.api.functions.v1.FunctionsServiceTestResponse": "result results",
  "c1.api.functions.v1.FunctionTestResult": "assertions error logs name status",
  "c1.api.functions.v1.FunctionTestResultAssertion":
    "actual at description diff expected operator pass",
  "c1.api.functions.v1.FunctionTestResultLog": "level log source",
  "c1.api.functions.v1.FunctionsSearchRequest": "functionTypes pageSize pageToken query",
  "c1.api.functions.v1.FunctionsInvocationSearchRequest":
    "errorWord failed idPrefix idempotencyKey pageSize pageToken parentInvocationId query since status triggerKind until view",
  "invoked.InvocationSearchRequest":
    "errorWord failed functionIds idPrefix pageSize pageToken parentInvocationId query since status triggerKind until view",
  "invoked.InvocationFilter":
    "errorWord failed functionIds idPrefix parentInvocationId query since status triggerKind until",
  "invoked.BulkRequest": "dryRun filter",
  "invoked.BulkResponse": "count skipped",
  "c1.api.auth.v1.IntrospectResponse":
    "deviceClientId disabledModules features permissions principleId roles tenantId userId",
  "invoked.Limits": "cpuTimeout maxConcurrency memoryMib timeout",
  "invoked.EffectiveLimits": "cpuTimeout maxConcurrency memoryMib retention timeout",
  "c1.api.iam.v1.PersonalClient":
    "allowSourceCidr clientId createdAt disabled displayName expiresTime id scopedRoles updatedAt userId",
  "c1.api.iam.v1.PersonalClientServiceCreateRequest":
    "allowSourceCidr displayName expires scopedRoles",
  "invoked.Trigger":
    "createdAt displayName functionId http id lastRun nextRuns paused schedule updatedAt vfsId webhook",
  "invoked.ScheduleTrigger": "at catchUp cronSpec input overlap start timezone",
  "invoked.WebhookTrigger":
    "allowSourceCidrs capabilityUrl discord eventIdHeader github handshake header hmac jwt listenerId maxBytes response slack standardWebhooks stripe",
  "invoked.HttpTrigger": "auth cors host recordBody slug",
  "invoked.Delivery": "id invocationId reason receivedAt status",
  "invoked.TypeCheck": "diagnostics message reason state",
  "invoked.TypeDiagnostic": "code column line message path",
  "invoked.InvocationLog": "level message sequence source time",
  "invoked.Volume": "createdAt displayName fileCount id quotaBytes updatedAt usedBytes version",
  "invoked.VolumeEntry": "etag modifiedAt path size type",
  "invoked.VolumeVersion":
    "createdAt invocationId pathCount paths principalId restoredVersion version",
  "invoked.FunctionPublish":
    "commitId id message previousCommitId publishedAt publishedBy restoredPublishId",
  "invoked.RollBackRequest": "commitId",
  "invoked.FunctionPurge":
    "allFunctions before bytes commitId files finishedAt id invocations path purgedAt purgedBy",
  "invoked.PurgeRequest": "before commitId dryRun path",
  "invoked.PurgeResponse": "bytes commitIds files invocations remaining",
  "google.rpc.Status": "code details message",
};

const ENUMS: Readonly<Record<string, readonly string[]>> = {
  "c1.api.functions.v1.FunctionType": [
    "FUNCTION_TYPE_UNSPECIFIED",
    "FUNCTION_TYPE_ANY",
    "FUNCTION_TYPE_CODE_MODE",
  ],
  "c1.api.functions.v1.FunctionInvocationStatus": [
    "FUNCTION_INVOCATION_STATUS_UNSPECIFIED",
    "FUNCTION_INVOCATION_STATUS_PENDING",
    "FUNCTION_INVOCATION_STATUS_RUNNING",
    "FUNCTION_INVOCATION_STATUS_SUCCESS",
    "FUNCTION_INVOCATION_STATUS_ERROR",
  ],
  "c1.api.functions.v1.FunctionTestResultStatus": [
    "FUNCTION_TEST_RESULT_STATUS_UNSPECIFIED",
    "FUNCTION_TEST_RESULT_STATUS_OK",
    "FUNCTION_TEST_RESULT_STATUS_FAIL",
    "FUNCTION_TEST_RESULT_STATUS_SKIPPED",
  ],
  "invoked.ProcessReuse": [
    "PROCESS_REUSE_UNSPECIFIED",
    "PROCESS_REUSE_NONE",
    "PROCESS_REUSE_SEQUENTIAL",
  ],
  "invoked.CatchUp": ["CATCH_UP_UNSPECIFIED", "CATCH_UP_NONE", "CATCH_UP_LAST", "CATCH_UP_ALL"],
  "invoked.Overlap": ["OVERLAP_UNSPECIFIED", "OVERLAP_ALLOW", "OVERLAP_SKIP", "OVERLAP_QUEUE"],
  "invoked.WebhookHandshake": [
    "WEBHOOK_HANDSHAKE_UNSPECIFIED",
    "WEBHOOK_HANDSHAKE_META",
    "WEBHOOK_HANDSHAKE_DROPBOX",
    "WEBHOOK_HANDSHAKE_PING",
  ],
  "invoked.WebhookResponse": [
    "WEBHOOK_RESPONSE_UNSPECIFIED",
    "WEBHOOK_RESPONSE_ACCEPTED",
    "WEBHOOK_RESPONSE_FUNCTION",
  ],
  "invoked.SignatureEncoding": [
    "SIGNATURE_ENCODING_UNSPECIFIED",
    "SIGNATURE_ENCODING_HEX",
    "SIGNATURE_ENCODING_BASE64",
    "SIGNATURE_ENCODING_PLAIN",
  ],
  "invoked.EndpointAuth": [
    "ENDPOINT_AUTH_UNSPECIFIED",
    "ENDPOINT_AUTH_OPEN",
    "ENDPOINT_AUTH_BEARER",
    "ENDPOINT_AUTH_SIGNATURE",
  ],
  "invoked.TypeCheckState": [
    "TYPE_CHECK_STATE_UNSPECIFIED",
    "TYPE_CHECK_STATE_NOT_CHECKED",
    "TYPE_CHECK_STATE_PENDING",
    "TYPE_CHECK_STATE_CHECKED",
  ],
};

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly spec: Json;
}

function operations(document: Json): Operation[] {
  return Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, spec]) => ({ method, path, spec }))
  );
}

/** Every value under a key, anywhere. */
function everywhere(value: Json, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...name === key ? [member] : [],
    ...everywhere(member, key),
  ]);
}

sharedSuite("OpenAPI document", {
  "is OpenAPI 3.1 and needs no token": async ({ client }) => {
    const document = ok(await new Client(client.url, undefined).get("/openapi.json"));
    assert.match(document.openapi, /^3\.1\.\d$/);
    assert.deepEqual([document.info.title, typeof document.info.version], ["invoked", "string"]);
    for (const reference of everywhere(document, "$ref")) {
      const [, , kind = "", name = ""] = String(reference).split("/");
      assert.ok(document.components[kind]?.[name], `${reference} leads nowhere`);
    }
    for (const { method, path, spec } of operations(document)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (spec.parameters ?? []).filter((p: Json) => p.in === "path");
      assert.deepEqual(declared.map((p: Json) => p.name).sort(), named.sort(), path);
      assert.ok(declared.every((p: Json) => p.required), path);
      assert.ok(Object.keys(spec.responses).length > 0 && spec.summary, `${method} ${path}`);
    }
  },

  "has every operation under its id": async ({ client }) => {
    const found = operations(ok(await client.get("/openapi.json")))
      .map(({ method, path, spec }) => [`${method} ${path}`, spec.operationId]);
    assert.deepEqual(Object.fromEntries(found), OPERATIONS);
  },

  "has every field and enum value": async ({ client }) => {
    const { components: { schemas } } = ok(await client.get("/openapi.json"));
    for (const [name, fields] of Object.entries(FIELDS)) {
      assert.equal(Object.keys(schemas[name].properties).sort().join(" "), fields, name);
    }
    for (const [name, values] of Object.entries(ENUMS)) {
      const { description: _, ...schema } = schemas[name];
      assert.deepEqual(schema, { type: "string", enum: values }, name);
    }
    const { properties } = schemas["c1.api.functions.v1.Function"];
    assert.equal(properties.createdAt.format, "date-time");
    assert.equal(properties.provisionedConcurrency.format, "int32");
    const invoke = schemas["c1.api.functions.v1.FunctionsServiceInvokeRequest"];
    assert.equal(invoke.properties.json.format, "byte");
  },

  "has the tags of C1's document, and requires no field of C1's": async ({ client }) => {
    const document = ok(await client.get("/openapi.json"));
    const tags = Map.groupBy(operations(document), ({ spec }) => spec.tags.join());
    const namesOf = (tag: string) =>
      (tags.get(tag) ?? []).map(({ spec }) => spec.operationId)
        .filter((id: string) => id.startsWith("c1."))
        .map((id: string) => id.split(".").slice(-2).join(".")).sort();
    const service = (names: string) => names.split(" ").map((name) => `FunctionsService.${name}`);
    assert.deepEqual(namesOf("Function"), [
      "FunctionsSearch.Search",
      ...service(
        "CreateFunction DeleteFunction GetFunction Invoke ListFunctions Test UpdateFunction",
      ),
    ]);
    assert.deepEqual(
      namesOf("Function Commit"),
      service("CreateFinalCommit CreateInitialCommit GetCommitContent GetLockFile ListCommits"),
    );
    assert.deepEqual(namesOf("Function Tag"), service("CreateTag ListTags"));
    assert.deepEqual(namesOf("Function Invocation"), [
      "FunctionsInvocationSearchService.Search",
      "FunctionsInvocationService.Get",
      "FunctionsInvocationService.List",
    ]);
    assert.deepEqual(namesOf("Auth"), ["Auth.Introspect"]);
    assert.equal(namesOf("Personal Client").length, 5);
    const ofC1 = [
      ...operations(document).filter(({ spec }) => spec.operationId.startsWith("c1.")),
      ...Object.entries(document.components.schemas).filter(([name]) => name.startsWith("c1.")),
    ];
    const lists = everywhere(ofC1, "required").filter(Array.isArray);
    assert.deepEqual(lists, []);
  },

  "lists have their page fields": async ({ client }) => {
    const { paths } = ok(await client.get("/openapi.json"));
    for (
      const [list, ...more] of [
        [""],
        ["/{function_id}/commits", "id_prefix"],
        ["/{function_id}/publishes"],
        ["/{function_id}/invocations", "parent_invocation_id", "view"],
        ["/{function_id}/dead_letters", "error_word", "query"],
      ] as const
    ) {
      const { parameters, responses } = paths[`/api/v1/functions${list}`].get;
      const names = parameters.filter((p: Json) => p.in === "query").map((p: Json) => p.name);
      assert.deepEqual(names, ["page_size", "page_token", ...more]);
      const { properties } = responses[200].content["application/json"].schema;
      assert.deepEqual(Object.keys(properties), ["list", "nextPageToken"]);
    }
  },

  "every operation under /api answers 401 without a token": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    const guarded = operations(ok(await client.get("/openapi.json")))
      .filter(({ path }) => path.startsWith("/api/") && !path.startsWith("/api/v1/webhooks/"));
    assert.ok(guarded.length > 15);
    for (const { method, path, spec } of guarded) {
      assert.ok(spec.security.length > 0, path);
      const answer = await anonymous.call(method.toUpperCase(), path.replace(/\{\w+\}/g, "x"));
      assertError(answer, "UNAUTHENTICATED", "TOKEN_MISSING");
    }
  },
});
