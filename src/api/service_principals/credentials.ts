import { z } from "@hono/zod-openapi";
import { CREDENTIAL_FIELDS } from "../../resources/principals.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { fieldMask, listOf, pageJson, pageOf, pageQuery } from "../primitives.ts";
import {
  createCredentialIn,
  credentialAnswer,
  credentialIn,
  credentialJson,
  credentialOut,
} from "./schemas.ts";

const SERVICE = "c1.api.service_principal.v1.ServicePrincipalService";
const PATH = "/api/v1/service_principals/{service_principal_id}/credentials";

type Service = Uses<"principalCredentials">;

const listCredentials = jsonOperation({
  operationId: `${SERVICE}.ListCredentials`,
  route: `GET ${PATH}`,
  summary: "List the credentials of a service principal, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(credentialOut),
  async handle({ params, query }, { principalCredentials }: Service) {
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
  route: `POST ${PATH}`,
  summary: "Create a credential of a service principal; its secret is returned once",
  permission: "identity:write",
  body: createCredentialIn,
  response: z.object({
    credential: credentialOut,
    clientSecret: z.string().openapi({ description: "The secret, or the API key" }),
  }),
  async handle({ params, body, principal }, { principalCredentials }: Service) {
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
  route: `GET ${PATH}/{id}`,
  summary: "Get a credential of a service principal",
  permission: "identity:read",
  response: credentialAnswer,
  async handle({ params: { service_principal_id, id } }, { principalCredentials }: Service) {
    return { credential: credentialJson(await principalCredentials.get(service_principal_id, id)) };
  },
});

const updateCredential = jsonOperation({
  operationId: `${SERVICE}.UpdateCredential`,
  route: `PATCH ${PATH}/{id}`,
  summary: `Change the masked fields of a credential: ${CREDENTIAL_FIELDS.join(", ")}`,
  permission: "identity:write",
  body: z.object({ credential: credentialIn, updateMask: fieldMask.optional() })
    .openapi(`${SERVICE}UpdateCredentialRequest`),
  response: credentialAnswer,
  async handle({ params, body, principal }, { principalCredentials }: Service) {
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
  route: `DELETE ${PATH}/{id}`,
  summary: "Revoke a credential with its access tokens and sessions",
  permission: "identity:write",
  async handle({ params, principal }, { principalCredentials }: Service) {
    await principalCredentials.revoke(principal, params.service_principal_id, params.id);
  },
});

/** Make, read, change and revoke the credentials of service principals. */
export const CREDENTIAL_OPERATIONS: readonly Operation[] = [
  listCredentials,
  createCredential,
  getCredential,
  updateCredential,
  revokeCredential,
];
