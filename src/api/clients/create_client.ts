import { z } from "@hono/zod-openapi";
import { lifetimeIn } from "../lifetimes.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { roleIdsIn } from "../role_ids.ts";
import { sourceCidrsIn } from "../source_cidrs.ts";
import { clientJson, clientNameIn, clientOut } from "./schemas.ts";

export const createClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Create",
  method: "post",
  path: "/api/v1/iam/personal_clients",
  summary: "Create a client of the caller's principal; its secret is returned once",
  permission: "self",
  ofClient: true,
  ofDevice: true,
  body: z.object({
    displayName: clientNameIn,
    scopedRoles: roleIdsIn.default([]),
    allowSourceCidr: sourceCidrsIn.default([]),
    expires: lifetimeIn.optional().openapi({
      type: "string",
      format: "duration",
      description: "Absent: the client does not expire",
    }),
  }).openapi("c1.api.iam.v1.PersonalClientServiceCreateRequest"),
  response: z.object({ client: clientOut, clientSecret: z.string() }),
  async handle({ body, principal }, { clients }: Uses<"clients">) {
    const { expires, ...settings } = body;
    const { row, clientSecret } = await clients.create(principal, settings, expires);
    return { client: clientJson(row), clientSecret };
  },
});
