/** The messages of the API, with the names and types of C1's TypeScript SDK. */
import type { InvocationMeasurements } from "./measurement_types.ts";
import type { LoadReport } from "./load_types.ts";
import type { InvocationHttp } from "./http_types.ts";
import type { JSONObject } from "./json.ts";
import type { FunctionSettings, FunctionType, Limits, ProcessReuse } from "./settings_types.ts";

export type * from "./load_types.ts";
export type * from "./measurement_types.ts";
export type * from "./request_options.ts";
export type * from "./settings_types.ts";

/** The decision about the invocations that a circuit breaker has paused. An addition of this server. */
export interface ClearCircuitBreakerRequest {
  decision?: "PAUSED_EXECUTION_DECISION_RUN" | "PAUSED_EXECUTION_DECISION_CANCEL";
  reason?: string;
}

/** A function. */
export interface FunctionT extends FunctionSettings {
  id?: string;
  displayName?: string;
  description?: string;
  functionType?: FunctionType;
  /** The newest commit. */
  head?: string;
  publishedCommitId?: string;
  /** True until the first publish. */
  isDraft?: boolean;
  outboundNetworkAllowlist?: string[];
  /** Secrets by name; in a response every value is empty. */
  secret?: Record<string, string>;
  provisionedConcurrency?: number;
  /** The limits in force, which are read-only. An addition of this server. */
  effectiveLimits?: Limits;
  /** Read-only: set while invocations pause for a decision. */
  circuitBreakerPausedAt?: string;
  scopedRoleIds?: string[];
  useSpn?: boolean;
  hookRefs?: string[];
  workflowTemplateRefs?: string[];
  createdAt?: Date;
  updatedAt?: Date;
  deletedAt?: Date;
}

/** A commit of a function. */
export interface FunctionCommit {
  id?: string;
  functionId?: string;
  message?: string;
  author?: string;
  createdAt?: Date;
  /** Those of the function when it was built. An addition of this server. */
  limits?: Limits;
  /** When files of it were purged: it cannot run any more. An addition of this server. */
  purgedAt?: Date;
  purgedBy?: string;
}

/** A publish of a function; without `commitId` it was unpublished. */
export interface FunctionPublish {
  id?: string;
  commitId?: string;
  previousCommitId?: string;
  publishedAt?: Date;
  publishedBy?: string;
  /** The publish that a roll-back went back to. */
  restoredPublishId?: string;
  message?: string;
}

/** A purge of a function's invocations, or of files of its commits. */
export interface FunctionPurge {
  id?: string;
  purgedAt?: Date;
  purgedBy?: string;
  /** RFC 3339; absent for a purge of files. */
  before?: string;
  /** Absent for every commit with the file. */
  commitId?: string;
  /** Absent for all files of the commit. */
  path?: string;
  allFunctions?: boolean;
  /** Absent until everything is erased. */
  finishedAt?: Date;
  invocations?: number;
  files?: number;
  bytes?: string;
}

/** The status of an invocation. */
export type FunctionInvocationStatus =
  | "FUNCTION_INVOCATION_STATUS_UNSPECIFIED"
  | "FUNCTION_INVOCATION_STATUS_PENDING"
  | "FUNCTION_INVOCATION_STATUS_RUNNING"
  | "FUNCTION_INVOCATION_STATUS_SUCCESS"
  | "FUNCTION_INVOCATION_STATUS_ERROR";

/** The source of an invocation. An addition of this server. */
export interface InvocationTrigger {
  kind?:
    | "TRIGGER_KIND_UNSPECIFIED"
    | "TRIGGER_KIND_API"
    | "TRIGGER_KIND_SCHEDULE"
    | "TRIGGER_KIND_WEBHOOK"
    | "TRIGGER_KIND_HTTP"
    | "TRIGGER_KIND_DESTINATION"
    | "TRIGGER_KIND_REPLAY";
  /** Of the trigger, or of the invocation that a replay or a destination follows. */
  id?: string;
}

/** Why an invocation was never started. An addition of this server. */
export type SkipReason =
  | "SKIP_REASON_UNSPECIFIED"
  | "SKIP_REASON_OVERLAP"
  | "SKIP_REASON_CATCH_UP"
  | "SKIP_REASON_SCHEDULE_CHANGED"
  | "SKIP_REASON_CIRCUIT_BREAKER"
  | "SKIP_REASON_DEBOUNCED";

/** What an invocation waits for. An addition of this server. */
export type WaitReason =
  | "WAIT_REASON_UNSPECIFIED"
  | "WAIT_REASON_INVOKE_AT"
  | "WAIT_REASON_BACKOFF"
  | "WAIT_REASON_DEBOUNCE"
  | "WAIT_REASON_RATE_LIMIT"
  | "WAIT_REASON_CONCURRENCY_KEY"
  | "WAIT_REASON_CIRCUIT_BREAKER";

/** One start of an invocation; its times are RFC 3339. An addition of this server. */
export interface Attempt {
  attempt?: number;
  startedAt?: string;
  endedAt?: string;
  error?: string;
}

/** One invocation of a function. */
export interface FunctionInvocation extends InvocationMeasurements {
  id?: string;
  functionId?: string;
  commitId?: string;
  status?: FunctionInvocationStatus;
  input?: JSONObject;
  /** The first characters of its input, in a list of the basic view. An addition of this server. */
  inputPreview?: string;
  output?: JSONObject;
  /** A stable code, a colon and a message. */
  error?: string;
  /** The code of its error, or `HTTP_5XX` for such an answer; absent unless it failed. An addition of this server. */
  failure?: string;
  /** The process reuse of the function at the time of the invocation. An addition of this server. */
  processReuse?: ProcessReuse;
  /** The invocation that made this nested one; absent for an invocation from outside. An addition of this server. */
  parentInvocationId?: string;
  /** Number of invocations between this one and the one from outside. An addition of this server. */
  depth?: number;
  /** The attached volume, the version that was read, and the version that was written. Additions of this server. */
  vfsId?: string;
  vfsVersionRead?: number;
  vfsVersionWritten?: number;
  /** Who called: a service principal, a function or a trigger. An addition of this server. */
  principal?: { id?: string };
  /** Its trace by W3C Trace Context: that of its caller, or its own. An addition of this server. */
  traceId?: string;
  /** Page of the trace; absent in lists, and if the server has no viewer of traces. An addition of this server. */
  traceUrl?: string;
  /** What started it. An addition of this server. */
  trigger?: InvocationTrigger;
  /** The time that its next or last attempt waited for; absent: it could start at once. An addition of this server. */
  notBefore?: Date;
  /** What it waits for; absent if that is a slot. An addition of this server. */
  waitReason?: WaitReason;
  /** Start of its first attempt, and its end. Additions of this server. */
  startedAt?: Date;
  endedAt?: Date;
  /** Why it was never started. An addition of this server. */
  skipReason?: SkipReason;
  http?: InvocationHttp;
  /** How often it started; absent until it does. An addition of this server. */
  attempt?: number;
  /** How often it may start. An addition of this server. */
  maxAttempts?: number;
  /** Oldest first; absent for an invocation that starts once. An addition of this server. */
  attempts?: Attempt[];
  /** In force since it was accepted. An addition of this server. */
  limits?: Limits;
  createdAt?: Date;
  updatedAt?: Date;
}

/** The requested page of a list. */
export interface PageRequest {
  /** 25 by default, at least 10 and at most 100. */
  pageSize?: number | null;
  /** `nextPageToken` of the page before. */
  pageToken?: string | null;
}

/** One page of a list. */
export interface PageOf<Item> {
  list?: Item[];
  /** Empty on the last page. */
  nextPageToken?: string;
}

/** A result in the form of C1's SDK: the message is in a field with its name. */
export type Answer<Name extends string, Message> =
  & {
    contentType: string;
    statusCode: number;
    /** Created when it is read. */
    readonly rawResponse: Response;
  }
  & { [Key in Name]?: Message };

export interface FunctionsServiceCreateFunctionRequest extends FunctionSettings {
  displayName?: string;
  description?: string;
  functionType?: FunctionType;
  /** Base64 by path; creates the first commit. */
  initialContent?: Record<string, string>;
  commitMessage?: string;
}

export interface FunctionsServiceUpdateFunctionRequest {
  function?: FunctionT;
  /** Such as `displayName,publishedCommitId`. */
  updateMask?: string;
  /** Base64 by path; creates a new head commit, independent of the mask. */
  content?: Record<string, string>;
  commitMessage?: string;
}

export interface FunctionAndCommit {
  function?: FunctionT;
  commit?: FunctionCommit;
}

export interface FunctionsServiceCreateInitialCommitRequest {
  filenames?: string[];
  commitMessage?: string;
}

export interface FunctionsServiceCreateInitialCommitResponse {
  commitId?: string;
  uploadUrls?: Record<string, string>;
}

/** A commit, under the name of the API and under the name of C1's SDK. */
export interface FunctionsServiceCreateFinalCommitResponse {
  commit?: FunctionCommit;
  functionCommit?: FunctionCommit;
  typeCheck?: TypeCheck;
  /** What builds and is likely to be a mistake. An addition of this server. */
  warnings?: BuildWarning[];
}

export interface FunctionsServiceGetCommitContentResponse
  extends FunctionsServiceCreateFinalCommitResponse {
  files?: Record<string, string>;
  /** How invocations of the commit start, and why. An addition of this server. */
  loadReport?: LoadReport;
}

export interface FunctionsServiceGetLockFileResponse {
  content?: string;
  exists?: boolean;
}

/** Either invocations (`before`), or files of commits. */
export interface PurgeRequest {
  /** RFC 3339; purges invocations that ended before. */
  before?: string;
  /** Id, `HEAD` or `refs/tags/<name>`; without it every commit with the file. */
  commitId?: string;
  /** Without it all files of the commit. */
  path?: string;
  /** Whether only the size is returned. */
  dryRun?: boolean;
}

export interface PurgeResponse {
  invocations?: number;
  files?: number;
  bytes?: string;
  commitIds?: string[];
  remaining?: { functionId?: string; commitId?: string; path?: string }[];
}

export interface FunctionsServiceInvokeRequest {
  /** Id, `HEAD` or `refs/tags/<name>`; without it the published commit. */
  commitId?: string;
  /** Base64 of a JSON object; without it `{}`. */
  json?: string;
  /** Volume to attach. */
  vfsId?: string;
}

export interface FunctionsServiceInvokeResponse {
  invocationId?: string;
  /** Base64 of the output; absent unless the function succeeded. */
  json?: string;
}

export interface CommitRequest {
  /** Answers what is left of a commit of which files were purged; an addition of this server. */
  showPurged?: boolean;
}

export interface CommitsPageRequest extends PageRequest {
  /** Commits whose id begins so; an addition of this server. */
  idPrefix?: string;
}

export interface FunctionsSearchRequest extends PageRequest {
  query?: string;
  functionTypes?: FunctionType[];
}

/** How much of each invocation a list answers; everything by default. An addition of this server. */
export type InvocationView =
  | "INVOCATION_VIEW_UNSPECIFIED"
  | "INVOCATION_VIEW_BASIC"
  | "INVOCATION_VIEW_FULL";

export interface FunctionsInvocationSearchRequest extends PageRequest {
  status?: FunctionInvocationStatus;
  /** Only those with a `failure`, or only those without; an addition of this server. */
  failed?: boolean;
  /** RFC 3339, inclusive. */
  since?: string;
  /** RFC 3339, exclusive. */
  until?: string;
  query?: string;
  parentInvocationId?: string;
  /** Invocations whose id begins so; an addition of this server. */
  idPrefix?: string;
  /** Only the invocation with this key; an addition of this server. */
  idempotencyKey?: string;
  view?: InvocationView;
}

export interface IntrospectResponse {
  principleId?: string;
  userId?: string;
  tenantId?: string;
  roles?: string[];
  permissions?: string[];
  features?: string[];
  deviceClientId?: string;
  disabledModules?: string[];
}

/** The result of one test. */
export interface FunctionTestResult {
  name?: string;
  status?:
    | "FUNCTION_TEST_RESULT_STATUS_UNSPECIFIED"
    | "FUNCTION_TEST_RESULT_STATUS_OK"
    | "FUNCTION_TEST_RESULT_STATUS_FAIL"
    | "FUNCTION_TEST_RESULT_STATUS_SKIPPED";
  /** The error, besides failed assertions. */
  error?: string;
  assertions?: {
    description?: string;
    operator?: string;
    expected?: string;
    actual?: string;
    /** `main.test.ts:LINE:COLUMN`. */
    at?: string;
    pass?: boolean;
    /** How `actual` (`+`) differs from `expected` (`-`), in lines. */
    diff?: string;
  }[];
  logs?: { level?: string; source?: string; log?: string }[];
}

/** A warning of a build, at its position. An addition of this server. */
export interface BuildWarning {
  path?: string;
  line?: number;
  column?: number;
  message?: string;
}

/** The type check of a commit. An addition of this server. */
export interface TypeCheck {
  state?: string;
  diagnostics?: (BuildWarning & { code?: string })[];
  reason?: string;
  message?: string;
}
