/** The messages of the API, under the names and in the shapes that C1's TypeScript SDK gives them. */
import type { JSONObject } from "./json.ts";

/** What kinds of functions there are. */
export type FunctionType =
  | "FUNCTION_TYPE_UNSPECIFIED"
  | "FUNCTION_TYPE_ANY"
  | "FUNCTION_TYPE_CODE_MODE";

/** How calls of a function are kept apart; only of this server. */
export type ProcessReuse =
  | "PROCESS_REUSE_UNSPECIFIED"
  | "PROCESS_REUSE_NONE"
  | "PROCESS_REUSE_SEQUENTIAL";

/** A function. */
export interface FunctionT {
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
  /** Names of secrets; in an answer every value is empty. */
  secret?: Record<string, string>;
  provisionedConcurrency?: number;
  /** Whether a process runs one call, or one after another. Only of this server. */
  processReuse?: ProcessReuse;
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
}

/** How an invocation stands. */
export type FunctionInvocationStatus =
  | "FUNCTION_INVOCATION_STATUS_PENDING"
  | "FUNCTION_INVOCATION_STATUS_RUNNING"
  | "FUNCTION_INVOCATION_STATUS_SUCCESS"
  | "FUNCTION_INVOCATION_STATUS_ERROR";

/** One call of a function. */
export interface FunctionInvocation {
  id?: string;
  functionId?: string;
  commitId?: string;
  status?: FunctionInvocationStatus;
  input?: JSONObject;
  output?: JSONObject;
  /** A stable word, a colon, and what happened. */
  error?: string;
  /** How its function kept calls apart when it was called. Only of this server. */
  processReuse?: ProcessReuse;
  /** The invocation that made this call; absent for a call from outside. Only of this server. */
  parentInvocationId?: string;
  /** Calls between this one and the one from outside. Only of this server. */
  depth?: number;
  /** The volume that was attached, the version that it saw, and the one that it made. Only of this server. */
  vfsId?: string;
  vfsVersionRead?: number;
  vfsVersionWritten?: number;
  createdAt?: Date;
  updatedAt?: Date;
}

/** One line that an invocation printed. Only of this server. */
export interface InvocationLog {
  sequence?: number;
  time?: Date;
  level?: "debug" | "info" | "warn" | "error";
  source?: "console" | "stdout" | "stderr" | "egress" | "system";
  message?: string;
}

/** Which page of a list, in the request. */
export interface PageRequest {
  /** 25 unless given, at least 10 and at most 100. */
  pageSize?: number;
  /** `nextPageToken` of the page before. */
  pageToken?: string;
}

/** One page of a list. */
export interface PageOf<Item> {
  list?: Item[];
  /** Empty on the last page. */
  nextPageToken?: string;
}

/** Options that C1's SDK takes for its HTTP requests: accepted, and without effect where there is no HTTP. */
export interface RequestOptions {
  readonly [option: string]: unknown;
}

/** An answer as C1's SDK wraps it: the message stands under its own name. */
export type Answer<Name extends string, Message> =
  & {
    contentType: string;
    statusCode: number;
    /** Made when it is asked for. */
    readonly rawResponse: Response;
  }
  & { [Key in Name]?: Message };

export interface FunctionsServiceCreateFunctionRequest {
  displayName?: string;
  description?: string;
  functionType?: FunctionType;
  processReuse?: ProcessReuse;
  /** Base64 by path; makes the first commit. */
  initialContent?: Record<string, string>;
  commitMessage?: string;
}

export interface FunctionsServiceUpdateFunctionRequest {
  function?: FunctionT;
  /** Such as `displayName,publishedCommitId`. */
  updateMask?: string;
  /** Base64 by path; makes a new head commit whatever the mask says. */
  content?: Record<string, string>;
  commitMessage?: string;
}

export interface FunctionAndCommit {
  function?: FunctionT;
  commit?: FunctionCommit;
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
  /** Base64 of what the function returned; absent unless it succeeded. */
  json?: string;
}

export interface FunctionsSearchRequest extends PageRequest {
  query?: string;
  functionTypes?: FunctionType[];
}

export interface FunctionsInvocationSearchRequest extends PageRequest {
  status?: FunctionInvocationStatus;
  /** RFC 3339, inclusive. */
  since?: string;
  /** RFC 3339, exclusive. */
  until?: string;
  query?: string;
  parentInvocationId?: string;
}

export interface IntrospectResponse {
  principleId?: string;
  userId?: string;
  tenantId?: string;
  roles?: string[];
  permissions?: string[];
  features?: string[];
}

/** How one test went. */
export interface FunctionTestResult {
  name?: string;
  status?:
    | "FUNCTION_TEST_RESULT_STATUS_OK"
    | "FUNCTION_TEST_RESULT_STATUS_FAIL"
    | "FUNCTION_TEST_RESULT_STATUS_SKIPPED";
  /** What went wrong besides assertions. */
  error?: string;
  assertions?: {
    description?: string;
    operator?: string;
    expected?: string;
    actual?: string;
    /** `main.test.ts:LINE:COLUMN`. */
    at?: string;
    pass?: boolean;
  }[];
  logs?: { level?: string; source?: string; log?: string }[];
}

/** What checking the types of a commit found. Only of this server. */
export interface TypeCheck {
  state?: string;
  diagnostics?: {
    path?: string;
    line?: number;
    column?: number;
    message?: string;
    code?: string;
  }[];
}
