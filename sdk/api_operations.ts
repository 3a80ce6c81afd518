/** The operation of each method of {@link Sdk}. */
import type { Sdk } from "./api.ts";
import type { OperationSpec } from "./operation_spec.ts";
import { server, statistics } from "./server_operations.ts";
import { deadLetters, invocations, triggers } from "./trigger_operations.ts";

const OF_FUNCTION = { functionId: "function_id" };
const IN_FUNCTION = { functionId: "function_id", id: "id" };
const OF_COMMIT = { functionId: "function_id", commitId: "commit_id" };
const LIST = { list: "each" } as const;
const FUNCTION_AND_COMMIT = { function: "itself", commit: "itself" } as const;
const COMMIT = { commit: "functionCommit" } as const;

/** By namespace and method. Literals alone, so that a function that does not use `sdk` is built without them. */
export const OPERATIONS = {
  auth: {
    introspect: { id: "c1.api.auth.v1.Auth.Introspect", response: "introspectResponse" },
  },
  functions: {
    listFunctions: {
      id: "c1.api.functions.v1.FunctionsService.ListFunctions",
      response: "functionsServiceListFunctionsResponse",
      dated: LIST,
    },
    createFunction: {
      id: "c1.api.functions.v1.FunctionsService.CreateFunction",
      body: true,
      response: "functionsServiceCreateFunctionResponse",
      dated: FUNCTION_AND_COMMIT,
    },
    getFunction: {
      id: "c1.api.functions.v1.FunctionsService.GetFunction",
      path: { id: "id" },
      response: "functionsServiceGetFunctionResponse",
      dated: FUNCTION_AND_COMMIT,
    },
    updateFunction: {
      id: "c1.api.functions.v1.FunctionsService.UpdateFunction",
      body: true,
      response: "functionsServiceUpdateFunctionResponse",
      dated: FUNCTION_AND_COMMIT,
    },
    check: {
      id: "invoked.FunctionService.CheckFunction",
      body: true,
      response: "checkFunctionResponse",
    },
    deleteFunction: {
      id: "c1.api.functions.v1.FunctionsService.DeleteFunction",
      path: { id: "id" },
      body: "functionsServiceDeleteFunctionRequest",
      response: "functionsServiceDeleteFunctionResponse",
    },
    invoke: {
      id: "c1.api.functions.v1.FunctionsService.Invoke",
      path: OF_FUNCTION,
      body: "functionsServiceInvokeRequest",
      response: "functionsServiceInvokeResponse",
    },
    test: {
      id: "c1.api.functions.v1.FunctionsService.Test",
      path: OF_FUNCTION,
      body: "functionsServiceTestRequest",
      response: "functionsServiceTestResponse",
      renamed: { result: "functionTestResult" },
    },
    listCommits: {
      id: "c1.api.functions.v1.FunctionsService.ListCommits",
      path: OF_FUNCTION,
      response: "functionsServiceListCommitsResponse",
      dated: LIST,
    },
    listPublishes: {
      id: "invoked.FunctionService.ListPublishes",
      path: OF_FUNCTION,
      response: "listPublishesResponse",
      dated: LIST,
    },
    rollBack: {
      id: "invoked.FunctionService.RollBack",
      path: OF_FUNCTION,
      body: "rollBackRequest",
      response: "rollBackResponse",
      dated: FUNCTION_AND_COMMIT,
    },
    purge: {
      id: "invoked.FunctionService.Purge",
      path: OF_FUNCTION,
      body: "purgeRequest",
      response: "purgeResponse",
    },
    listPurges: {
      id: "invoked.FunctionService.ListPurges",
      path: OF_FUNCTION,
      response: "listPurgesResponse",
      dated: LIST,
    },
    clearCircuitBreaker: {
      id: "invoked.FunctionService.ClearCircuitBreaker",
      path: OF_FUNCTION,
      body: "clearCircuitBreakerRequest",
      response: "clearCircuitBreakerResponse",
    },
    createInitialCommit: {
      id: "c1.api.functions.v1.FunctionsService.CreateInitialCommit",
      path: OF_FUNCTION,
      body: "functionsServiceCreateInitialCommitRequest",
      response: "functionsServiceCreateInitialCommitResponse",
    },
    createFinalCommit: {
      id: "c1.api.functions.v1.FunctionsService.CreateFinalCommit",
      path: OF_COMMIT,
      body: "functionsServiceCreateFinalCommitRequest",
      response: "functionsServiceCreateFinalCommitResponse",
      renamed: COMMIT,
      dated: FUNCTION_AND_COMMIT,
    },
    getCommitContent: {
      id: "c1.api.functions.v1.FunctionsService.GetCommitContent",
      path: IN_FUNCTION,
      response: "functionsServiceGetCommitContentResponse",
      renamed: COMMIT,
      dated: FUNCTION_AND_COMMIT,
    },
    getLockFile: {
      id: "c1.api.functions.v1.FunctionsService.GetLockFile",
      path: OF_COMMIT,
      response: "functionsServiceGetLockFileResponse",
    },
    commit: {
      id: "c1.api.functions.v1.FunctionsService.CreateInitialCommit",
      path: OF_FUNCTION,
      body: "functionsServiceCommitRequest",
      response: "functionsServiceCommitResponse",
    },
    finalizeCommit: {
      id: "c1.api.functions.v1.FunctionsService.CreateFinalCommit",
      path: OF_COMMIT,
      body: "functionsServiceFinalizeCommitRequest",
      response: "functionsServiceFinalizeCommitResponse",
      renamed: COMMIT,
      dated: FUNCTION_AND_COMMIT,
    },
    getCommit: {
      id: "c1.api.functions.v1.FunctionsService.GetCommitContent",
      path: IN_FUNCTION,
      response: "functionsServiceGetCommitResponse",
      renamed: COMMIT,
      dated: FUNCTION_AND_COMMIT,
    },
    getLockfile: {
      id: "c1.api.functions.v1.FunctionsService.GetLockFile",
      path: OF_COMMIT,
      response: "functionsServiceGetLockfileResponse",
    },
    listTags: {
      id: "c1.api.functions.v1.FunctionsService.ListTags",
      path: OF_FUNCTION,
      response: "functionsServiceListTagsResponse",
      dated: { tags: "each" },
    },
    createTag: {
      id: "c1.api.functions.v1.FunctionsService.CreateTag",
      path: OF_FUNCTION,
      body: "functionsServiceCreateTagRequest",
      response: "functionsServiceCreateTagResponse",
    },
    deleteTag: {
      id: "invoked.TagService.DeleteTag",
      path: { functionId: "function_id", name: "name" },
      response: "deleteTagResponse",
    },
  },
  functionsInvocation: {
    list: {
      id: "c1.api.functions.v1.FunctionsInvocationService.List",
      path: OF_FUNCTION,
      response: "functionsInvocationServiceListResponse",
      dated: LIST,
    },
    get: {
      id: "c1.api.functions.v1.FunctionsInvocationService.Get",
      path: IN_FUNCTION,
      response: "functionsInvocationServiceGetResponse",
      renamed: { invocation: "functionInvocation" },
      dated: { invocation: "itself" },
    },
    listLogs: {
      id: "invoked.InvocationService.ListLogs",
      path: IN_FUNCTION,
      response: "listLogsResponse",
      dated: LIST,
    },
    cancel: {
      id: "invoked.InvocationService.Cancel",
      path: IN_FUNCTION,
      response: "cancelResponse",
      dated: { invocation: "itself" },
    },
  },
  functionsInvocationSearch: {
    search: {
      id: "c1.api.functions.v1.FunctionsInvocationSearchService.Search",
      path: OF_FUNCTION,
      body: "functionsInvocationSearchRequest",
      response: "functionsInvocationSearchResponse",
      dated: LIST,
    },
  },
  functionsSearch: {
    search: {
      id: "c1.api.functions.v1.FunctionsSearch.Search",
      body: true,
      response: "functionsSearchResponse",
      dated: LIST,
    },
  },
  triggers,
  deadLetters,
  invocations,
  statistics,
  server,
} as const satisfies {
  readonly [Namespace in keyof Sdk]: {
    readonly [Method in keyof Sdk[Namespace]]: OperationSpec;
  };
};
