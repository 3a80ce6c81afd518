import { z } from "@hono/zod-openapi";
import { invalid } from "../../domain/errors.ts";
import { maskedFields } from "../../domain/update_mask.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { empty, fieldMask } from "../primitives.ts";
import { roleIdsIn } from "../role_ids.ts";
import { userAnswer, userAnswerJson, userParam } from "./schemas.ts";

/** The only field of a person that the provider does not decide. */
const FIELDS = ["disabled"] as const;

export const updateUser = jsonOperation({
  operationId: "invoked.UserService.Update",
  method: "patch",
  path: "/api/v1/users/{id}",
  summary: "Disable or enable a person; disabling ends sessions and stops personal clients at once",
  permission: "identity:write",
  params: userParam,
  body: z.object({
    user: z.object({ disabled: z.boolean().optional() }),
    updateMask: fieldMask.optional(),
  }).openapi("invoked.UpdateUserRequest"),
  response: userAnswer,
  async handle({ params, body, principal }, { people }: Uses<"people">) {
    const { user: { disabled }, updateMask } = body;
    const given = disabled === undefined ? [] : FIELDS;
    if (!maskedFields(updateMask, FIELDS, given).has("disabled")) {
      const description = "is missing: it is the only field of a user that can be changed here";
      throw invalid({ field: "user.disabled", description });
    }
    return userAnswerJson(await people.setDisabled(principal, params.id, disabled ?? false));
  },
});

export const setUserRoles = jsonOperation({
  operationId: "invoked.UserService.SetRoles",
  method: "post",
  path: "/api/v1/users/{id}/roles",
  summary: "Replace the roles that owners give a person; groups of the provider may give others",
  permission: "identity:write",
  params: userParam,
  body: z.object({ roleIds: roleIdsIn }).openapi("invoked.SetUserRolesRequest"),
  response: userAnswer,
  async handle({ params, body, principal }, { people }: Uses<"people">) {
    return userAnswerJson(await people.setRoles(principal, params.id, body.roleIds));
  },
});

export const deleteUser = jsonOperation({
  operationId: "invoked.UserService.Delete",
  method: "delete",
  path: "/api/v1/users/{id}",
  summary: "Delete a person with their sessions, personal clients and roles",
  permission: "identity:write",
  params: userParam,
  body: empty,
  response: empty,
  async handle({ params, principal }, { people }: Uses<"people">) {
    await people.delete(principal, params.id);
    return {};
  },
});
