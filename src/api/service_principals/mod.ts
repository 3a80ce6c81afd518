import { z } from "@hono/zod-openapi";
import { CREDENTIAL_FIELDS, PRINCIPAL_FIELDS } from "../../resources/principals.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { fieldMask, listOf, pageBody, pageJson, pageOf, pageQuery } from "../primitives.ts";
import { roleIdsIn } from "../role_ids.ts";
import {
  bindingJson,
  bindingOut,
  createCredentialIn,
  credentialAnswer,
  credentialIn,
  credentialJson,
  credentialOut,
  principalAnswer,
  principalAnswerJson,
  principalIn,
  principalJson,
  principalNameIn,
  principalOut,
  subjectSchema,
} from "./schemas.ts";

const SERVICE = "c1.api.service_principal.v1.ServicePrincipalService";
const PATH = "/api/v1/service_principals";
const CREDENTIALS = `${PATH}/{service_principal_id}/credentials` as const;
const BINDINGS = `${PATH}/bindings` as const;

type Principals = Uses<"servicePrincipals">;
type Credentials = Uses<"principalCredentials">;
type Bindings = Uses<"bindings">;

const listPrincipals = jsonOperation({
  operationId: `${SERVICE}.List`,
  route: `GET ${PATH}`,
  summary: "List service principals, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(principalOut),
  async handle({ query }, { servicePrincipals }: Principals) {
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
  async handle({ body }, { servicePrincipals }: Principals) {
    return principalAnswerJson(await servicePrincipals.create(body.displayName));
  },
});

const getPrincipal = jsonOperation({
  operationId: `${SERVICE}.Get`,
  route: `GET ${PATH}/{id}`,
  summary: "Get a service principal",
  permission: "identity:read",
  response: principalAnswer,
  async handle({ params }, { servicePrincipals }: Principals) {
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
  async handle({ params, body, principal }, { servicePrincipals }: Principals) {
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
  async handle({ params, principal }, { servicePrincipals }: Principals) {
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
  async handle({ params, body, principal }, { servicePrincipals }: Principals) {
    return principalAnswerJson(
      await servicePrincipals.setRoles(principal, params.id, body.roleIds),
    );
  },
});

const listCredentials = jsonOperation({
  operationId: `${SERVICE}.ListCredentials`,
  route: `GET ${CREDENTIALS}`,
  summary: "List the credentials of a service principal, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(credentialOut),
  async handle({ params, query }, { principalCredentials }: Credentials) {
    return pageJson(
      await principalCredentials.list(
        params.service_principal_id,
        pageOf(query),
      ),
      credentialJson,
    );
  },
});

const createCredential = jsonOperation({
  operationId: `${SERVICE}.CreateCredential`,
  route: `POST ${CREDENTIALS}`,
  summary: "Create a credential of a service principal; its secret is returned once",
  permission: "identity:write",
  body: createCredentialIn,
  response: z.object({
    credential: credentialOut,
    clientSecret: z.string().openapi({ description: "The secret, or the API key" }),
  }),
  async handle({ params, body, principal }, { principalCredentials }: Credentials) {
    const { scopedRoles: scopedRoleIds, expires: lifetimeMs, kind, ...settings } = body;
    const { row, secret } = await principalCredentials.create(
      principal,
      params.service_principal_id,
      {
        ...settings,
        scopedRoleIds,
        lifetimeMs,
        kind: kind === "CREDENTIAL_KIND_API_KEY" ? "api_key" : "secret",
      },
    );
    return { credential: credentialJson(row), clientSecret: secret };
  },
});

const getCredential = jsonOperation({
  operationId: `${SERVICE}.GetCredential`,
  route: `GET ${CREDENTIALS}/{id}`,
  summary: "Get a credential of a service principal",
  permission: "identity:read",
  response: credentialAnswer,
  async handle({ params: { service_principal_id, id } }, { principalCredentials }: Credentials) {
    return { credential: credentialJson(await principalCredentials.get(service_principal_id, id)) };
  },
});

const updateCredential = jsonOperation({
  operationId: `${SERVICE}.UpdateCredential`,
  route: `PATCH ${CREDENTIALS}/{id}`,
  summary: `Change the masked fields of a credential: ${CREDENTIAL_FIELDS.join(", ")}`,
  permission: "identity:write",
  body: z.object({ credential: credentialIn, updateMask: fieldMask.optional() })
    .openapi(`${SERVICE}UpdateCredentialRequest`),
  response: credentialAnswer,
  async handle({ params, body, principal }, { principalCredentials }: Credentials) {
    const { credential, updateMask } = body;
    const { service_principal_id, id } = params;
    const row = await principalCredentials.update(
      principal,
      service_principal_id,
      id,
      credential,
      updateMask,
    );
    return { credential: credentialJson(row) };
  },
});

const revokeCredential = jsonOperation({
  operationId: `${SERVICE}.RevokeCredential`,
  route: `DELETE ${CREDENTIALS}/{id}`,
  summary: "Revoke a credential with its access tokens and sessions",
  permission: "identity:write",
  async handle({ params, principal }, { principalCredentials }: Credentials) {
    await principalCredentials.revoke(principal, params.service_principal_id, params.id);
  },
});

const bindingIn = z.object({
  servicePrincipalId: z.string().min(1),
  subject: z.object({ functionId: z.string().min(1) }),
});

const addBinding = jsonOperation({
  operationId: `${SERVICE}.AddBinding`,
  route: `POST ${BINDINGS}`,
  summary: "Bind a function to a service principal; an earlier binding of the function is replaced",
  permission: "identity:write",
  concerns: ({ body }) => body.subject.functionId,
  body: bindingIn.openapi(`${SERVICE}AddBindingRequest`),
  async handle({ body: { servicePrincipalId, subject }, principal }, { bindings }: Bindings) {
    await bindings.add(principal, servicePrincipalId, subject.functionId);
  },
});

const deleteBinding = jsonOperation({
  operationId: `${SERVICE}.DeleteBinding`,
  route: `POST ${BINDINGS}/delete`,
  summary: "Remove the binding of a function to a service principal",
  permission: "identity:write",
  destroys: true,
  concerns: ({ body }) => body.subject.functionId,
  body: bindingIn.openapi(`${SERVICE}DeleteBindingRequest`),
  async handle({ body: { servicePrincipalId, subject }, principal }, { bindings }: Bindings) {
    await bindings.delete(principal, servicePrincipalId, subject.functionId);
  },
});

const listBindings = jsonOperation({
  operationId: `${SERVICE}.ListBindings`,
  route: `POST ${BINDINGS}/list`,
  summary: "List the bindings of a function, of a service principal, or all; newest function first",
  permission: "identity:read",
  concerns: ({ body }) => body.subject?.functionId,
  body: z.object({
    subject: subjectSchema.optional().openapi({ description: "Absent: of all functions" }),
    servicePrincipalId: z.string().optional().openapi({
      description: "Absent: of all service principals",
    }),
    ...pageBody,
  }).openapi(`${SERVICE}ListBindingsRequest`),
  response: z.object({
    bindings: z.array(bindingOut),
    nextPageToken: z.string().openapi({ description: "Empty on the last page" }),
  }),
  async handle({ body }, { bindings }: Bindings) {
    const filter = {
      functionId: body.subject?.functionId || undefined,
      principalId: body.servicePrincipalId || undefined,
    };
    const { list, nextPageToken } = await bindings.list(filter, body);
    return { bindings: list.map(bindingJson), nextPageToken };
  },
});

/** Service principals, their credentials, and the functions that act as them. */
export const SERVICE_PRINCIPAL_OPERATIONS: readonly Operation[] = [
  listPrincipals,
  createPrincipal,
  getPrincipal,
  updatePrincipal,
  deletePrincipal,
  setRoles,
  listCredentials,
  createCredential,
  getCredential,
  updateCredential,
  revokeCredential,
  addBinding,
  deleteBinding,
  listBindings,
];
