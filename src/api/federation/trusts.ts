import { z } from "@hono/zod-openapi";
import { TRUST_FIELDS } from "../../resources/federation.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import {
  fieldMask,
  listOf,
  pageBody,
  pageJson,
  pageOf,
  pageQuery,
  searchText,
  textIn,
} from "../primitives.ts";
import {
  nameIn,
  trustAnswer,
  trustIn,
  trustJson,
  trustOut,
  trustShape,
  trustSlashes,
} from "./schemas.ts";

const SERVICE = "c1.api.workload_federation.v1.WorkloadFederationService";
const PATH = "/api/v1/service_principals/{service_principal_id}/trusts";

const searchTrusts = jsonOperation({
  operationId: `${SERVICE}.SearchTrusts`,
  route: "POST /api/v1/search/workload_federation_trusts",
  summary: "Search the trusts of all service principals by text, principal and provider",
  permission: "identity:read",
  body: z.object({
    ...pageBody,
    providerId: z.string().default(""),
    query: searchText.default(""),
    servicePrincipalId: z.string().default(""),
  }).openapi("c1.api.workload_federation.v1.WorkloadFederationServiceSearchTrustsRequest"),
  response: listOf(trustOut),
  async handle({ body }, { federationTrusts }: Uses<"federationTrusts">) {
    const { providerId, query, servicePrincipalId: principalId } = body;
    const filter = {
      ...providerId === "" ? {} : { providerId },
      ...principalId === "" ? {} : { principalId },
      ...query === "" ? {} : { query },
    };
    return pageJson(await federationTrusts.search(filter, body), trustJson);
  },
});

const listTrusts = jsonOperation({
  operationId: `${SERVICE}.ListTrusts`,
  route: `GET ${PATH}`,
  summary: "List the trusts of a service principal, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(trustOut),
  async handle({ params, query }, { federationTrusts }: Uses<"federationTrusts">) {
    return pageJson(
      await federationTrusts.list(params.service_principal_id, pageOf(query)),
      trustJson,
    );
  },
});

const createTrust = jsonOperation({
  operationId: `${SERVICE}.CreateTrust`,
  route: `POST ${PATH}`,
  summary: "Let the workloads of a provider that meet a condition act as a service principal",
  permission: "identity:write",
  body: z.object({
    ...trustShape,
    displayName: nameIn,
    providerId: z.string(),
    conditionExpression: textIn,
  }).openapi("c1.api.workload_federation.v1.WorkloadFederationServiceCreateTrustRequest"),
  response: trustAnswer,
  async handle({ params, body, principal }, { federationTrusts }: Uses<"federationTrusts">) {
    const row = await federationTrusts.create(principal, params.service_principal_id, body);
    return { trust: trustJson(row) };
  },
});

const getTrust = jsonOperation({
  operationId: `${SERVICE}.GetTrust`,
  route: `GET ${PATH}/{client_id}`,
  slashes: trustSlashes,
  summary: "Get a trust of a service principal",
  permission: "identity:read",
  response: trustAnswer,
  async handle({ params }, { federationTrusts }: Uses<"federationTrusts">) {
    const row = await federationTrusts.get(params.service_principal_id, params.client_id);
    return { trust: trustJson(row) };
  },
});

const updateTrust = jsonOperation({
  operationId: `${SERVICE}.UpdateTrust`,
  route: `PATCH ${PATH}/{client_id}`,
  slashes: trustSlashes,
  summary: `Change the masked fields of a trust: ${TRUST_FIELDS.join(", ")}`,
  permission: "identity:write",
  body: z.object({ trust: trustIn, updateMask: fieldMask.optional() })
    .openapi("c1.api.workload_federation.v1.WorkloadFederationServiceUpdateTrustRequest"),
  response: trustAnswer,
  async handle({ params, body, principal }, { federationTrusts }: Uses<"federationTrusts">) {
    const { service_principal_id: principalId, client_id: clientId } = params;
    const { trust, updateMask } = body;
    const row = await federationTrusts.update(principal, principalId, clientId, trust, updateMask);
    return { trust: trustJson(row) };
  },
});

const deleteTrust = jsonOperation({
  operationId: `${SERVICE}.DeleteTrust`,
  route: `DELETE ${PATH}/{client_id}`,
  slashes: trustSlashes,
  summary: "Delete a trust and revoke its access tokens",
  permission: "identity:write",
  async handle({ params, principal }, { federationTrusts }: Uses<"federationTrusts">) {
    await federationTrusts.delete(principal, params.service_principal_id, params.client_id);
  },
});

/** Trusts, which let workloads act as service principals. */
export const TRUST_OPERATIONS = [
  searchTrusts,
  listTrusts,
  createTrust,
  getTrust,
  updateTrust,
  deleteTrust,
];
