import { jsonOperation, type Uses } from "../operation.ts";
import { createFunctionIn, functionAndCommit, functionAndCommitJson } from "./schemas.ts";

export const createFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.CreateFunction",
  method: "post",
  path: "/api/v1/functions",
  summary: "Create a function, and its first commit if the request has content",
  permission: "functions:write",
  body: createFunctionIn,
  response: functionAndCommit,
  async handle({ body, principal }, { functions }: Uses<"functions">) {
    return functionAndCommitJson(await functions.create(principal, body));
  },
});
