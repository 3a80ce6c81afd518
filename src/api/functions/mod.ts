import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import {
  fieldMask,
  filesIn,
  int32Out,
  listOf,
  pageBody,
  pageJson,
  pageOf,
  pageQuery,
  searchText,
  textIn,
} from "../primitives.ts";
import {
  createFunctionIn,
  functionAndCommit,
  functionAndCommitJson,
  functionIn,
  functionJson,
  functionOut,
} from "./schemas.ts";
import { z } from "@hono/zod-openapi";
import { commitMessageIn } from "../commits/schemas.ts";
import { functionType } from "./settings.ts";
import { quoted } from "../../config/mod.ts";
import { getSdkTypes, resolveTypes } from "../commits/get_types.ts";
import { listPublishes, rollBackFunction } from "./publishes.ts";
import { listPurges, purgeFunction } from "./purges.ts";
import { getFunctionStatistics, getStatistics } from "./statistics.ts";
import { enumWords } from "../../resources/words.ts";

const listFunctions = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.ListFunctions",
  route: "GET /api/v1/functions",
  summary: "List functions, newest first",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  query: pageQuery,
  response: listOf(functionOut),
  async handle({ query, functions: within }, { functions }: Uses<"functions">) {
    const everything = { query: "", functionTypes: [], within };
    return pageJson(await functions.search(everything, pageOf(query)), functionJson);
  },
});

const createFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateFunction",
  route: "POST /api/v1/functions",
  summary: "Create a function, and its first commit if the request has content",
  permission: "functions:write",
  body: createFunctionIn,
  response: functionAndCommit,
  async handle({ body, principal }, { functions }: Uses<"functions">) {
    return functionAndCommitJson(await functions.create(principal, body));
  },
});

const checkFunction = jsonOperation({
  operationId: "invoked.FunctionService.CheckFunction",
  route: "POST /api/v1/functions/check",
  summary: "Validate the settings of a function without changing anything",
  permission: "functions:write",
  concerns: ({ body }) => body.function.id,
  // It changes nothing.
  audit: "none",
  body: z.object({
    function: functionIn.extend({
      id: functionIn.shape.id.optional().openapi({ description: "Absent for a new function" }),
    }),
    updateMask: fieldMask.optional().openapi({
      description: "Mask of the changes to an existing function",
    }),
  }).openapi("invoked.CheckFunctionRequest"),
  async handle(
    { body: { function: { id, ...change }, updateMask }, principal },
    { functions }: Uses<"functions">,
  ) {
    await functions.check(principal, id, change, updateMask);
  },
});

const updateFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.UpdateFunction",
  route: "POST /api/v1/functions/update",
  summary: "Change the masked fields, and create a head commit if the request has content",
  permission: "functions:write",
  concerns: ({ body }) => body.function.id,
  body: z.object({
    function: functionIn,
    updateMask: fieldMask.optional(),
    content: filesIn.optional(),
    commitMessage: commitMessageIn,
  }).openapi("c1.api.functions.v1.FunctionsServiceUpdateFunctionRequest"),
  response: functionAndCommit,
  async handle({ body, principal }, { functions }: Uses<"functions">) {
    const { function: { id, ...change }, updateMask: mask, content, commitMessage } = body;
    const update = { id, change, mask, content, commitMessage };
    return functionAndCommitJson(await functions.update(principal, update));
  },
});

const searchFunctions = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsSearch.Search",
  route: "POST /api/v1/search/functions",
  summary: "Find functions by text in display name or description, by id, or by type",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  body: z.object({
    query: searchText.default(""),
    functionTypes: z.array(functionType).default([])
      .transform((types) => types.filter((type) => type !== "FUNCTION_TYPE_UNSPECIFIED")),
    ...pageBody,
  }).openapi("c1.api.functions.v1.FunctionsSearchRequest"),
  response: listOf(functionOut),
  async handle({ body, functions: within }, { functions }: Uses<"functions">) {
    return pageJson(await functions.search({ ...body, within }, body), functionJson);
  },
});

const getFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.GetFunction",
  route: "GET /api/v1/functions/{id}",
  summary: "Get a function, even if it is deleted",
  permission: "functions:read",
  response: z.object({ function: functionOut }),
  async handle({ params }, { functions }: Uses<"functions">) {
    return { function: functionJson(await functions.get(params.id)) };
  },
});

const deleteFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.DeleteFunction",
  route: "DELETE /api/v1/functions/{id}",
  summary: "Delete a function and keep its commits and invocations readable",
  permission: "functions:write",
  async handle({ params, principal }, { functions }: Uses<"functions">) {
    await functions.delete(principal, params.id);
  },
});

const REASON_CHARS_MAX = 1_024;

const DECISIONS = enumWords("PAUSED_EXECUTION_DECISION", "RUN", "CANCEL");

const clearCircuitBreaker = jsonOperation({
  operationId: "invoked.FunctionService.ClearCircuitBreaker",
  route: "POST /api/v1/functions/{function_id}/circuit_breaker/clear",
  summary: "Run or cancel the invocations that the circuit breaker of a function has paused",
  permission: "functions:invoke",
  destroys: true,
  body: z.object({
    decision: z.enum(DECISIONS).refine((decision) => decision !== DECISIONS[0], {
      error: ({ input }) =>
        `must be one of ${DECISIONS.slice(1).join(", ")}; it is ${quoted(input)}`,
    }),
    reason: textIn.max(REASON_CHARS_MAX).default(""),
  }).openapi("invoked.ClearCircuitBreakerRequest"),
  response: z.object({
    count: int32Out.openapi({ description: "Invocations that were paused" }),
  }),
  async handle({ params, body, principal }, { circuitBreaker }: Uses<"circuitBreaker">) {
    const decision = body.decision.endsWith("_RUN") ? "RUN" : "CANCEL";
    return {
      count: await circuitBreaker.clear(principal, params.function_id, decision, body.reason),
    };
  },
});

/** Create, read, find, change and delete functions. */
export const FUNCTION_OPERATIONS: readonly Operation[] = [
  listFunctions,
  createFunction,
  checkFunction,
  updateFunction,
  searchFunctions,
  getStatistics,
  getSdkTypes,
  resolveTypes,
  getFunction,
  deleteFunction,
  listPublishes,
  rollBackFunction,
  purgeFunction,
  listPurges,
  clearCircuitBreaker,
  getFunctionStatistics,
];
