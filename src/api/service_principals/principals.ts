import { z } from "@hono/zod-openapi";
import { PRINCIPAL_FIELDS } from "../../resources/principals.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { fieldMask, listOf, pageJson, pageOf, pageQuery } from "../primitives.ts";
import { roleIdsIn } from "../role_ids.ts";
import {
  principalAnswer,
  principalAnswerJson,
  principalIn,
  principalJson,
  principalNameIn,
  principalOut,
} from "./schemas.ts";

const SERVICE = "c1.api.service_principal.v1.ServicePrincipalService";
const PATH = "/api/v1/service_principals";

type Service = Uses<"servicePrincipals">;

const listPrincipals = jsonOperation({
  operationId: `${SERVICE}.List`,
  route: `GET ${PATH}`,
  summary: "List service principals, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(principalOut),
  async handle({ query }, { servicePrincipals }: Service) {
    return pageJson(await servicePrincipals.list(pageOf(query)), principalJson);
  },
});

const createPrincipal = jsonOperation({
  operationId: `${SERVICE}.Create`,
  route: `POST ${PATH}`,
  summary: "Create a service principal without roles",
  permission: "identity:write",
  body: z.object({ displayName: principalNameIn })
    .openapi(`${SERVICE}CreateRequest`),
  response: principalAnswer,
  async handle({ body }, { servicePrincipals }: Service) {
    return principalAnswerJson(await servicePrincipals.create(body.displayName));
  },
});

const getPrincipal = jsonOperation({
  operationId: `${SERVICE}.Get`,
  route: `GET ${PATH}/{id}`,
  summary: "Get a service principal",
  permission: "identity:read",
  response: principalAnswer,
  async handle({ params }, { servicePrincipals }: Service) {
    return principalAnswerJson(await servicePrincipals.get(params.id));
  },
});

const updatePrincipal = jsonOperation({
  operationId: `${SERVICE}.Update`,
  route: `PATCH ${PATH}/{id}`,
  summary: `Change the masked fields of a service principal: ${PRINCIPAL_FIELDS.join(", ")}`,
  permission: "identity:write",
  body: z.object({ servicePrincipal: principalIn, updateMask: fieldMask.optional() })
    .openapi(`${SERVICE}UpdateRequest`),
  response: principalAnswer,
  async handle({ params, body, principal }, { servicePrincipals }: Service) {
    const { servicePrincipal, updateMask } = body;
    const row = await servicePrincipals.update(principal, params.id, servicePrincipal, updateMask);
    return principalAnswerJson(row);
  },
});

const deletePrincipal = jsonOperation({
  operationId: `${SERVICE}.Delete`,
  route: `DELETE ${PATH}/{id}`,
  summary: "Delete a service principal with its credentials, trusts and sessions",
  permission: "identity:write",
  async handle({ params, principal }, { servicePrincipals }: Service) {
    await servicePrincipals.delete(principal, params.id);
  },
});

const setRoles = jsonOperation({
  operationId: "invoked.ServicePrincipalService.SetRoles",
  route: `POST ${PATH}/{id}/roles`,
  summary: "Replace the roles of a service principal",
  permission: "identity:write",
  body: z.object({ roleIds: roleIdsIn }).openapi("invoked.SetServicePrincipalRolesRequest"),
  response: principalAnswer,
  async handle({ params, body, principal }, { servicePrincipals }: Service) {
    return principalAnswerJson(
      await servicePrincipals.setRoles(principal, params.id, body.roleIds),
    );
  },
});

/** Make, read, change and delete service principals. */
export const PRINCIPAL_OPERATIONS: readonly Operation[] = [
  listPrincipals,
  createPrincipal,
  getPrincipal,
  updatePrincipal,
  deletePrincipal,
  setRoles,
];
