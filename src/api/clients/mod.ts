import { z } from "@hono/zod-openapi";
import type { UsedCredentialRow } from "../../store/identity.ts";
import { CLIENT, CLIENT_ANSWER, CLIENT_FIELDS } from "../../resources/clients.ts";
import { answerJson, answerShape, textOf } from "../resource.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { fieldMask, listOf, pageJson, pageOf, pageQuery, timestampIn } from "../primitives.ts";
import { lifetimeIn } from "../lifetimes.ts";
import { roleIdsIn } from "../role_ids.ts";
import { sourceCidrsIn } from "../source_cidrs.ts";

const clientOut = z.object(answerShape(CLIENT_ANSWER))
  .openapi("c1.api.iam.v1.PersonalClient");

const clientAnswer = z.object({ client: clientOut });

/** The API's form of a client. */
function clientJson(row: UsedCredentialRow): z.input<typeof clientOut> {
  return answerJson(CLIENT_ANSWER, row);
}

const clientNameIn = textOf(CLIENT.displayName).min(1);

const listClients = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.List",
  route: "GET /api/v1/iam/personal_clients",
  summary: "List the clients of the caller's principal, newest first",
  permission: "self",
  ofClient: true,
  query: pageQuery,
  response: listOf(clientOut),
  async handle({ query, principal }, { clients }: Uses<"clients">) {
    return pageJson(await clients.list(principal, pageOf(query)), clientJson);
  },
});

const createClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Create",
  route: "POST /api/v1/iam/personal_clients",
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

const getClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Get",
  route: "GET /api/v1/iam/personal_clients/{id}",
  summary: "Get a client of the caller's principal",
  permission: "self",
  ofClient: true,
  response: clientAnswer,
  async handle({ params, principal }, { clients }: Uses<"clients">) {
    return { client: clientJson(await clients.get(principal, params.id)) };
  },
});

const updateClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Update",
  route: "POST /api/v1/iam/personal_clients/{id}",
  summary: `Change the masked fields of a client: ${CLIENT_FIELDS.join(", ")}`,
  permission: "self",
  ofClient: true,
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

const deleteClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Delete",
  route: "DELETE /api/v1/iam/personal_clients/{id}",
  summary: "Delete a client and revoke its access tokens",
  permission: "self",
  ofClient: true,
  async handle({ params, principal }, { clients }: Uses<"clients">) {
    await clients.delete(principal, params.id);
  },
});

/** Make, read, change and delete the clients of a principal. */
export const CLIENT_OPERATIONS: readonly Operation[] = [
  listClients,
  createClient,
  getClient,
  updateClient,
  deleteClient,
];
