import { jsonOperation, type Uses } from "../operation.ts";
import { empty } from "../primitives.ts";
import { clientParam } from "./schemas.ts";

export const deleteClient = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.Delete",
  method: "delete",
  path: "/api/v1/iam/personal_clients/{id}",
  summary: "Delete a client and revoke its access tokens",
  permission: "self",
  ofClient: true,
  params: clientParam,
  body: empty,
  response: empty,
  async handle({ params, principal }, { clients }: Uses<"clients">) {
    await clients.delete(principal, params.id);
    return {};
  },
});
