import { z } from "@hono/zod-openapi";
import { permissionJson } from "../permissions.ts";
import { jsonOperation, type Uses } from "../operation.ts";

export const introspect = jsonOperation({
  operationId: "c1.api.auth.v1.Auth.Introspect",
  method: "get",
  path: "/api/v1/auth/introspect",
  summary: "Get the principal of the access token",
  permission: "self",
  response: z.object({
    principleId: z.string(),
    userId: z.string(),
    tenantId: z.string(),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    features: z.array(z.string()),
    deviceClientId: z.string().openapi({ description: "Always empty: clients are not devices" }),
    disabledModules: z.array(z.string()),
  }).openapi("c1.api.auth.v1.IntrospectResponse"),
  handle: ({ principal }, { hostName }: Uses<"hostName">) =>
    Promise.resolve({
      principleId: principal.id,
      userId: principal.id,
      tenantId: hostName,
      roles: [...principal.access.roleIds],
      permissions: principal.access.permissions.map(permissionJson),
      features: [],
      deviceClientId: "",
      disabledModules: [],
    }),
});
