import { z } from "@hono/zod-openapi";
import type { RoleView } from "../../domain/identity/mod.ts";
import { ROLE, ROLE_SETTINGS } from "../../resources/roles.ts";
import { resource } from "../messages/of_schema.ts";
import { permissionJson, permissionOf } from "../permissions.ts";
import { timestamp } from "../primitives.ts";
import { answerJson, answerShape, textOf } from "../resource.ts";

/** Names a role. */
export const roleParam = z.object({ role_id: z.string() });

const { createdAt: _created, updatedAt: _updated, ...shape } = answerShape(ROLE);

export const roleOut = z.object({
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

export const roleAnswer = z.object({ role: roleOut });

/** The API's form of a role. */
export function roleJson(view: RoleView): z.input<typeof roleOut> {
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

export const roleNameIn = textOf(ROLE_SETTINGS.displayName).min(1);

/** What a request can carry of a role. */
export const roleIn = resource(z.object({
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
