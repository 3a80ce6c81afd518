import { z } from "@hono/zod-openapi";
import type { RoleView } from "../../domain/identity/mod.ts";
import { ROLE, ROLE_FIELDS, ROLE_SETTINGS } from "../../resources/roles.ts";
import { ownMessage, resource } from "../messages/of_schema.ts";
import { permissionJson, permissionOf } from "../permissions.ts";
import { fieldMask, listOf, pageJson, pageOf, pageQuery, timestamp } from "../primitives.ts";
import { answerJson, answerShape, textOf } from "../resource.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";

const { createdAt: _created, updatedAt: _updated, ...shape } = answerShape(ROLE);

const roleOut = z.object({
  ...shape,
  name: z.string().openapi({ description: "The displayName of a role that is not built-in" }),
  permissions: z.array(z.string()).openapi({
    description: "Such as `permission/c1.api.auth.v1.Auth.Introspect`",
  }),
  serviceRoles: z.array(z.string()).openapi({ description: "Always empty" }),
  systemApiOnly: z.boolean().openapi({ description: "Always false" }),
  systemBuiltin: z.boolean(),
  createdAt: timestamp.optional().openapi({ description: "Absent for built-in roles" }),
  updatedAt: timestamp.optional(),
}).openapi("c1.api.iam.v1.Role");

const roleAnswer = z.object({ role: roleOut });

/** The API's form of a role. */
function roleJson(view: RoleView): z.input<typeof roleOut> {
  const permissions = view.permissions.map(permissionJson);
  const always = { permissions, serviceRoles: [], systemApiOnly: false };
  if ("builtin" in view) {
    const { id, name, displayName } = view.builtin;
    return { id, name, displayName, ...always, systemBuiltin: true };
  }
  const { custom } = view;
  return {
    ...answerJson(ROLE, custom),
    name: custom.displayName,
    ...always,
    systemBuiltin: false,
  };
}

const roleNameIn = textOf(ROLE_SETTINGS.displayName).min(1);

/** What a request can carry of a role. */
const roleIn = resource(z.object({
  displayName: roleNameIn.optional(),
  permissions: z.array(z.string().transform(permissionOf)).max(ROLE_SETTINGS.permissions.max)
    .optional().openapi({
      type: "array",
      items: { type: "string" },
      description: "Ids of operations, with or without `permission/`",
    }),
  functionIds: z.array(z.string()).max(ROLE_SETTINGS.functionIds.max).optional().openapi({
    description: ROLE_SETTINGS.functionIds.about,
  }),
}));

const PATH = "/api/v1/iam/roles";

const listRoles = jsonOperation({
  operationId: "c1.api.iam.v1.Roles.List",
  route: `GET ${PATH}`,
  summary: "List the roles that the caller may see: built-in roles, then the others, newest first",
  permission: "self",
  query: pageQuery,
  response: listOf(roleOut),
  async handle({ query, principal }, { roles }: Uses<"roles">) {
    return pageJson(await roles.list(principal, pageOf(query)), roleJson);
  },
});

const getRole = jsonOperation({
  operationId: "c1.api.iam.v1.Roles.Get",
  route: `GET ${PATH}/{role_id}`,
  summary: "Get a role that the caller may see",
  permission: "self",
  response: roleAnswer,
  async handle({ params, principal }, { roles }: Uses<"roles">) {
    return { role: roleJson(await roles.get(principal, params.role_id)) };
  },
});

const createRole = jsonOperation({
  operationId: "invoked.RoleService.Create",
  route: `POST ${PATH}`,
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
  route: `POST ${PATH}/{role_id}`,
  summary: `Change the masked fields of a role: ${ROLE_FIELDS.join(", ")}`,
  permission: "identity:write",
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
  route: `DELETE ${PATH}/{role_id}`,
  summary: "Delete an unused role",
  permission: "identity:write",
  async handle({ params, principal }, { roles }: Uses<"roles">) {
    await roles.delete(principal, params.role_id);
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
