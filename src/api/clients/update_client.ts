import { z } from "@hono/zod-openapi";
import { CLIENT_FIELDS } from "../../resources/clients.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { roleIdsIn } from "../role_ids.ts";
import { fieldMask, timestampIn } from "../primitives.ts";
import { sourceCidrsIn } from "../source_cidrs.ts";
import { clientAnswer, clientJson, clientNameIn, clientParam } from "./schemas.ts";

export const updateClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Update",
  method: "post",
  path: "/api/v1/iam/personal_clients/{id}",
  summary: `Change the masked fields of a client: ${CLIENT_FIELDS.join(", ")}`,
  permission: "self",
  ofClient: true,
  params: clientParam,
  body: z.object({
    client: z.object({
      displayName: clientNameIn.optional(),
      scopedRoles: roleIdsIn.optional(),
      allowSourceCidr: sourceCidrsIn.optional(),
      expiresTime: timestampIn.nullish().openapi({
        description: "Not later than it is: the life of a client is never extended",
      }),
      disabled: z.boolean().optional(),
    }),
    updateMask: fieldMask.optional(),
  }).openapi("c1.api.iam.v1.PersonalClientServiceUpdateRequest"),
  response: clientAnswer,
  async handle({ params, body, principal }, { clients }: Uses<"clients">) {
    const row = await clients.update(principal, params.id, body.client, body.updateMask);
    return { client: clientJson(row) };
  },
});
