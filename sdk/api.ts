/** The namespaces and methods of `sdk`, as C1's TypeScript SDK names them. Additions of this server say so. */
import type * as api from "./api_types.ts";
import type { Answered, InFunction, Nothing, OfCommit, OfFunction } from "./api_request.ts";
import type { Export, ExportsSearch, SystemLog } from "./audit_methods.ts";
import type { Principal, Roles } from "./identity_methods.ts";
import type { Server, Statistics, Usage } from "./server_methods.ts";
import type { TenantNamespaces } from "./tenant_types.d.ts";
import type { Users, UserSearch } from "./user_methods.ts";
import type { DeadLetters, Invocations, Triggers } from "./trigger_methods.ts";

/** Functions, their commits and tags, and their invocations. */
export interface Functions {
  listFunctions(
    request?: api.PageRequest,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceListFunctionsResponse", api.PageOf<api.FunctionT>>;
  createFunction(
    request?: api.FunctionsServiceCreateFunctionRequest,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceCreateFunctionResponse", api.FunctionAndCommit>;
  getFunction(
    request: { id: string },
    options?: api.RequestOptions,
  ): Answered<"functionsServiceGetFunctionResponse", { function?: api.FunctionT }>;
  updateFunction(
    request?: api.FunctionsServiceUpdateFunctionRequest,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceUpdateFunctionResponse", api.FunctionAndCommit>;
  /** Checks the settings of a function and changes nothing. Without an id, the function is new. An addition of this server. */
  check(
    request: Pick<api.FunctionsServiceUpdateFunctionRequest, "function" | "updateMask">,
    options?: api.RequestOptions,
  ): Answered<"checkFunctionResponse", Nothing>;
  deleteFunction(
    request: { id: string; functionsServiceDeleteFunctionRequest?: Nothing },
    options?: api.RequestOptions,
  ): Answered<"functionsServiceDeleteFunctionResponse", Nothing>;
  /** Calls another function and waits for its end; `json` is absent unless it succeeded. */
  invoke(
    request: OfFunction & { functionsServiceInvokeRequest?: api.FunctionsServiceInvokeRequest },
    options?: api.RequestOptions,
  ): Answered<"functionsServiceInvokeResponse", api.FunctionsServiceInvokeResponse>;
  /** Runs the tests of a function and waits for their end. */
  test(
    request: OfFunction & {
      functionsServiceTestRequest?: { commitId?: string; secrets?: Record<string, string> };
    },
    options?: api.RequestOptions,
  ): Answered<
    "functionsServiceTestResponse",
    {
      result?: api.FunctionTestResult;
      functionTestResult?: api.FunctionTestResult;
      results?: api.FunctionTestResult[];
    }
  >;
  listCommits(
    request: OfFunction & api.CommitsPageRequest,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceListCommitsResponse", api.PageOf<api.FunctionCommit>>;
  /** An addition of this server. */
  listPublishes(
    request: OfFunction & api.PageRequest,
    options?: api.RequestOptions,
  ): Answered<"listPublishesResponse", api.PageOf<api.FunctionPublish>>;
  /** Publishes the previously published commit again; each roll-back goes one further back. An addition of this server. */
  rollBack(
    request: OfFunction & { rollBackRequest?: { commitId?: string } },
    options?: api.RequestOptions,
  ): Answered<"rollBackResponse", { function?: api.FunctionT }>;
  /** Erases for good; `functionId` may be `-` for the invocations of all functions. An addition of this server. */
  purge(
    request: OfFunction & { purgeRequest?: api.PurgeRequest },
    options?: api.RequestOptions,
  ): Answered<"purgeResponse", api.PurgeResponse>;
  /** An addition of this server. */
  listPurges(
    request: OfFunction & api.PageRequest,
    options?: api.RequestOptions,
  ): Answered<"listPurgesResponse", api.PageOf<api.FunctionPurge>>;
  /** An addition of this server. */
  clearCircuitBreaker(
    request: OfFunction & { clearCircuitBreakerRequest?: api.ClearCircuitBreakerRequest },
    options?: api.RequestOptions,
  ): Answered<"clearCircuitBreakerResponse", { count?: number }>;
  createInitialCommit(
    request: OfFunction & {
      functionsServiceCreateInitialCommitRequest?: api.FunctionsServiceCreateInitialCommitRequest;
    },
    options?: api.RequestOptions,
  ): Answered<
    "functionsServiceCreateInitialCommitResponse",
    api.FunctionsServiceCreateInitialCommitResponse
  >;
  createFinalCommit(
    request: OfCommit & { functionsServiceCreateFinalCommitRequest?: Nothing },
    options?: api.RequestOptions,
  ): Answered<
    "functionsServiceCreateFinalCommitResponse",
    api.FunctionsServiceCreateFinalCommitResponse
  >;
  /** `id` may be `HEAD` or `refs/tags/<name>`; `files` holds base64 by path. */
  getCommitContent(
    request: InFunction & api.CommitRequest,
    options?: api.RequestOptions,
  ): Answered<
    "functionsServiceGetCommitContentResponse",
    api.FunctionsServiceGetCommitContentResponse
  >;
  getLockFile(
    request: OfCommit,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceGetLockFileResponse", api.FunctionsServiceGetLockFileResponse>;
  /** Another name of {@link Functions.createInitialCommit}. */
  commit(
    request: OfFunction & {
      functionsServiceCommitRequest?: api.FunctionsServiceCreateInitialCommitRequest;
    },
    options?: api.RequestOptions,
  ): Answered<
    "functionsServiceCommitResponse",
    api.FunctionsServiceCreateInitialCommitResponse
  >;
  /** Another name of {@link Functions.createFinalCommit}. */
  finalizeCommit(
    request: OfCommit & { functionsServiceFinalizeCommitRequest?: Nothing },
    options?: api.RequestOptions,
  ): Answered<
    "functionsServiceFinalizeCommitResponse",
    api.FunctionsServiceCreateFinalCommitResponse
  >;
  /** Another name of {@link Functions.getCommitContent}. */
  getCommit(
    request: InFunction & api.CommitRequest,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceGetCommitResponse", api.FunctionsServiceGetCommitContentResponse>;
  /** Another name of {@link Functions.getLockFile}. */
  getLockfile(
    request: OfCommit,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceGetLockfileResponse", api.FunctionsServiceGetLockFileResponse>;
  listTags(
    request: OfFunction,
    options?: api.RequestOptions,
  ): Answered<"functionsServiceListTagsResponse", { tags?: Record<string, api.FunctionCommit> }>;
  createTag(
    request: OfFunction & {
      functionsServiceCreateTagRequest?: { commitId?: string; name?: string };
    },
    options?: api.RequestOptions,
  ): Answered<"functionsServiceCreateTagResponse", Nothing>;
  /** An addition of this server. */
  deleteTag(
    request: OfFunction & { name: string },
    options?: api.RequestOptions,
  ): Answered<"deleteTagResponse", Nothing>;
}

/** Finds functions. */
export interface FunctionsSearch {
  search(
    request?: api.FunctionsSearchRequest,
    options?: api.RequestOptions,
  ): Answered<"functionsSearchResponse", api.PageOf<api.FunctionT>>;
}

/** Invocations of functions. To list those of all functions, `functionId` is `-`. */
export interface FunctionsInvocation {
  list(
    request: OfFunction & api.PageRequest & {
      parentInvocationId?: string;
      view?: api.InvocationView;
    },
    options?: api.RequestOptions,
  ): Answered<"functionsInvocationServiceListResponse", api.PageOf<api.FunctionInvocation>>;
  get(
    request: InFunction,
    options?: api.RequestOptions,
  ): Answered<
    "functionsInvocationServiceGetResponse",
    { invocation?: api.FunctionInvocation; functionInvocation?: api.FunctionInvocation }
  >;
  /** An addition of this server. */
  listLogs(
    request: InFunction & api.PageRequest,
    options?: api.RequestOptions,
  ): Answered<"listLogsResponse", api.PageOf<api.InvocationLog>>;
  /** An addition of this server. */
  cancel(
    request: InFunction,
    options?: api.RequestOptions,
  ): Answered<"cancelResponse", { invocation?: api.FunctionInvocation }>;
}

/** Finds invocations of functions. */
export interface FunctionsInvocationSearch {
  search(
    request: OfFunction & {
      functionsInvocationSearchRequest?: api.FunctionsInvocationSearchRequest;
    },
    options?: api.RequestOptions,
  ): Answered<"functionsInvocationSearchResponse", api.PageOf<api.FunctionInvocation>>;
}

/** The identity of the caller. */
export interface Auth {
  introspect(options?: api.RequestOptions): Answered<"introspectResponse", api.IntrospectResponse>;
}

/** The namespaces that this server answers, with the rights of the function. */
export interface OwnNamespaces {
  readonly auth: Auth;
  readonly functions: Functions;
  readonly functionsInvocation: FunctionsInvocation;
  readonly functionsInvocationSearch: FunctionsInvocationSearch;
  readonly functionsSearch: FunctionsSearch;
  readonly principal: Principal;
  readonly roles: Roles;
  readonly systemLog: SystemLog;
  readonly export: Export;
  readonly exportsSearch: ExportsSearch;
  /** An addition of this server. */
  readonly triggers: Triggers;
  /** An addition of this server. */
  readonly deadLetters: DeadLetters;
  /** An addition of this server. */
  readonly invocations: Invocations;
  /** An addition of this server. */
  readonly statistics: Statistics;
  readonly usage: Usage;
  /** An addition of this server. */
  readonly server: Server;
  readonly user: Users;
  readonly userSearch: UserSearch;
}

/**
 * An authenticated client of the API and of the function's C1 tenant: it calls as the function that uses it. The tenant
 * also answers `user` and `userSearch` where the function has one.
 */
export type Sdk = OwnNamespaces & TenantNamespaces;
