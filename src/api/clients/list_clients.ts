import { jsonOperation, type Uses } from "../operation.ts";
import { listOf, pageOf, pageQuery } from "../primitives.ts";
import { clientJson, clientOut } from "./schemas.ts";

export const listClients = jsonOperation({
  operationId: "c1.api.iam.v1.PersonalClientService.List",
  method: "get",
  path: "/api/v1/iam/personal_clients",
  summary: "List the clients of the caller's principal, newest first",
  permission: "self",
  ofClient: true,
  query: pageQuery,
  response: listOf(clientOut),
  async handle({ query, principal }, { clients }: Uses<"clients">) {
    const { list, nextPageToken } = await clients.list(principal, pageOf(query));
    return { list: list.map(clientJson), nextPageToken };
  },
});
