import { jsonOperation, type Uses } from "../operation.ts";
import { clientAnswer, clientJson, clientParam } from "./schemas.ts";

export const getClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Get",
  method: "get",
  path: "/api/v1/iam/personal_clients/{id}",
  summary: "Get a client of the caller's principal",
  permission: "self",
  ofClient: true,
  params: clientParam,
  response: clientAnswer,
  async handle({ params, principal }, { clients }: Uses<"clients">) {
    return { client: clientJson(await clients.get(principal, params.id)) };
  },
});
