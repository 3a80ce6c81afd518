import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { idParam } from "./schemas.ts";

export const deleteFunction = jsonOperation({
  operationId: "c1.api.functions.v1.FunctionsService.DeleteFunction",
  method: "delete",
  path: "/api/v1/functions/{id}",
  summary: "Delete a function and keep its commits and invocations readable",
  permission: "functions:write",
  params: idParam,
  body: empty,
  response: empty,
  async handle({ params, principal }, { functions }: Uses<"functions">) {
    await functions.delete(principal, params.id);
    return {};
  },
});
