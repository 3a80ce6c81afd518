import { z } from "@hono/zod-openapi";
import { ROLE_FIELDS } from "../../resources/roles.ts";
import { ownMessage } from "../messages/of_schema.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { empty, fieldMask, listOf, pageOf, pageQuery } from "../primitives.ts";
import { roleAnswer, roleIn, roleJson, roleNameIn, roleOut, roleParam } from "./schemas.ts";

const PATH = "/api/v1/iam/roles";

const listRoles = jsonOperation({
  operationId: "c1.api.iam.v1.Roles.List",
  method: "get",
  path: PATH,
  summary: "List the roles that the caller may see: built-in roles, then the others, newest first",
  permission: "self",
  query: pageQuery,
  response: listOf(roleOut),
  async handle({ query, principal }, { roles }: Uses<"roles">) {
    const { list, nextPageToken } = await roles.list(principal, pageOf(query));
    return { list: list.map(roleJson), nextPageToken };
  },
});

const getRole = jsonOperation({
  operationId: "c1.api.iam.v1.Roles.Get",
  method: "get",
  path: `${PATH}/{role_id}`,
  summary: "Get a role that the caller may see",
  permission: "self",
  params: roleParam,
  response: roleAnswer,
  async handle({ params, principal }, { roles }: Uses<"roles">) {
    return { role: roleJson(await roles.get(principal, params.role_id)) };
  },
});

const createRole = jsonOperation({
  operationId: "invoked.RoleService.Create",
  method: "post",
  path: PATH,
  summary: "Create a role",
  permission: "identity:write",
  // C1 makes no roles: a misspelt functionIds must not mean all functions.
  body: z.object({
    role: ownMessage(roleIn.extend({ displayName: roleNameIn }), Object.keys(roleOut.shape)),
  })
    .openapi("invoked.CreateRoleRequest"),
  response: roleAnswer,
  async handle({ body, principal }, { roles }: Uses<"roles">) {
    return { role: roleJson(await roles.create(principal, body.role)) };
  },
});

const updateRole = jsonOperation({
  operationId: "c1.api.iam.v1.Roles.Update",
  method: "post",
  path: `${PATH}/{role_id}`,
  summary: `Change the masked fields of a role: ${ROLE_FIELDS.join(", ")}`,
  permission: "identity:write",
  params: roleParam,
  body: z.object({ role: roleIn, updateMask: fieldMask.optional() })
    .openapi("c1.api.iam.v1.UpdateRoleRequest"),
  response: roleAnswer,
  async handle({ params, body, principal }, { roles }: Uses<"roles">) {
    const { role, updateMask } = body;
    return { role: roleJson(await roles.update(principal, params.role_id, role, updateMask)) };
  },
});

const deleteRole = jsonOperation({
  operationId: "invoked.RoleService.Delete",
  method: "delete",
  path: `${PATH}/{role_id}`,
  summary: "Delete an unused role",
  permission: "identity:write",
  params: roleParam,
  body: empty,
  response: empty,
  async handle({ params, principal }, { roles }: Uses<"roles">) {
    await roles.delete(principal, params.role_id);
    return {};
  },
});

/** Read roles, and make, change and delete custom ones. */
export const ROLE_OPERATIONS: readonly Operation[] = [
  listRoles,
  getRole,
  createRole,
  updateRole,
  deleteRole,
];
