import { z } from "@hono/zod-openapi";
import { TRUST_FIELDS } from "../../resources/federation.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import {
  empty,
  fieldMask,
  listOf,
  pageBody,
  pageOf,
  pageQuery,
  searchText,
  textIn,
} from "../primitives.ts";
import { ofPrincipalParam } from "../service_principals/schemas.ts";
import {
  nameIn,
  trustAnswer,
  trustIn,
  trustJson,
  trustOut,
  trustParams,
  trustShape,
  trustSlashes,
} from "./schemas.ts";

const SERVICE = "c1.api.workload_federation.v1.WorkloadFederationService";
const PATH = "/api/v1/service_principals/{service_principal_id}/trusts";

export const searchTrusts = jsonOperation({
  operationId: `${SERVICE}.SearchTrusts`,
  method: "post",
  path: "/api/v1/search/workload_federation_trusts",
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
    const { list, nextPageToken } = await federationTrusts.search(filter, body);
    return { list: list.map(trustJson), nextPageToken };
  },
});

export const listTrusts = jsonOperation({
  operationId: `${SERVICE}.ListTrusts`,
  method: "get",
  path: PATH,
  summary: "List the trusts of a service principal, newest first",
  permission: "identity:read",
  params: ofPrincipalParam,
  query: pageQuery,
  response: listOf(trustOut),
  async handle({ params, query }, { federationTrusts }: Uses<"federationTrusts">) {
    const page = await federationTrusts.list(params.service_principal_id, pageOf(query));
    return { list: page.list.map(trustJson), nextPageToken: page.nextPageToken };
  },
});

export const createTrust = jsonOperation({
  operationId: `${SERVICE}.CreateTrust`,
  method: "post",
  path: PATH,
  summary: "Let the workloads of a provider that meet a condition act as a service principal",
  permission: "identity:write",
  params: ofPrincipalParam,
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

export const getTrust = jsonOperation({
  operationId: `${SERVICE}.GetTrust`,
  method: "get",
  path: `${PATH}/{client_id}`,
  slashes: trustSlashes,
  summary: "Get a trust of a service principal",
  permission: "identity:read",
  params: trustParams,
  response: trustAnswer,
  async handle({ params }, { federationTrusts }: Uses<"federationTrusts">) {
    const row = await federationTrusts.get(params.service_principal_id, params.client_id);
    return { trust: trustJson(row) };
  },
});

export const updateTrust = jsonOperation({
  operationId: `${SERVICE}.UpdateTrust`,
  method: "patch",
  path: `${PATH}/{client_id}`,
  slashes: trustSlashes,
  summary: `Change the masked fields of a trust: ${TRUST_FIELDS.join(", ")}`,
  permission: "identity:write",
  params: trustParams,
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

export const deleteTrust = jsonOperation({
  operationId: `${SERVICE}.DeleteTrust`,
  method: "delete",
  path: `${PATH}/{client_id}`,
  slashes: trustSlashes,
  summary: "Delete a trust and revoke its access tokens",
  permission: "identity:write",
  params: trustParams,
  body: empty,
  response: empty,
  async handle({ params, principal }, { federationTrusts }: Uses<"federationTrusts">) {
    await federationTrusts.delete(principal, params.service_principal_id, params.client_id);
    return {};
  },
});
