import { z } from "@hono/zod-openapi";
import { invalid } from "../../domain/errors.ts";
import { PROVIDER_FIELDS } from "../../resources/federation.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import { fieldMask, listOf, pageJson, pageOf, pageQuery } from "../primitives.ts";
import {
  assertIssuer,
  assertNoSpiffe,
  descriptionIn,
  issuerIn,
  nameIn,
  type OidcProvider,
  oidcSettings,
  providerAnswer,
  providerIn,
  providerJson,
  providerOut,
  spiffeSettings,
  wellKnownIn,
} from "./schemas.ts";

const SERVICE = "c1.api.workload_federation.v1.WorkloadFederationService";
const PATH = "/api/v1/workload_federation/providers";

const listProviders = jsonOperation({
  operationId: `${SERVICE}.ListProviders`,
  route: `GET ${PATH}`,
  summary: "List the providers of workload identities, newest first",
  permission: "identity:read",
  query: pageQuery,
  response: listOf(providerOut),
  async handle({ query }, { federationProviders }: Uses<"federationProviders">) {
    return pageJson(await federationProviders.list(pageOf(query)), providerJson);
  },
});

const createProvider = jsonOperation({
  operationId: `${SERVICE}.CreateProvider`,
  route: `POST ${PATH}`,
  summary: "Create a provider of workload identities: an issuer whose tokens trusts can accept",
  permission: "identity:write",
  body: z.object({
    displayName: nameIn,
    description: descriptionIn,
    issuerUrl: issuerIn,
    wellKnownProvider: wellKnownIn,
    oidc: oidcSettings.optional(),
    spiffe: spiffeSettings.optional(),
  }).openapi("c1.api.workload_federation.v1.WorkloadFederationServiceCreateProviderRequest"),
  response: providerAnswer,
  async handle({ body }, { federationProviders }: Uses<"federationProviders">) {
    assertNoSpiffe(body);
    const { displayName, description, issuerUrl } = body;
    if (body.wellKnownProvider === "WELL_KNOWN_WORKLOAD_PROVIDER_UNSPECIFIED") {
      const description = `must not be ${body.wellKnownProvider}`;
      throw invalid({ field: "wellKnownProvider", description });
    }
    assertIssuer(issuerUrl);
    const wellKnownProvider = body.wellKnownProvider as OidcProvider;
    const settings = { displayName, description, issuerUrl, wellKnownProvider };
    return { provider: providerJson(await federationProviders.create(settings)) };
  },
});

const getProvider = jsonOperation({
  operationId: `${SERVICE}.GetProvider`,
  route: `GET ${PATH}/{id}`,
  summary: "Get a provider of workload identities",
  permission: "identity:read",
  response: providerAnswer,
  async handle({ params }, { federationProviders }: Uses<"federationProviders">) {
    return { provider: providerJson(await federationProviders.get(params.id)) };
  },
});

const updateProvider = jsonOperation({
  operationId: `${SERVICE}.UpdateProvider`,
  route: `PATCH ${PATH}/{id}`,
  summary: `Change the masked fields of a provider: ${PROVIDER_FIELDS.join(", ")}`,
  permission: "identity:write",
  body: z.object({ provider: providerIn, updateMask: fieldMask.optional() })
    .openapi("c1.api.workload_federation.v1.WorkloadFederationServiceUpdateProviderRequest"),
  response: providerAnswer,
  async handle({ params, body, principal }, { federationProviders }: Uses<"federationProviders">) {
    const { provider, updateMask } = body;
    assertNoSpiffe(provider);
    const row = await federationProviders.update(principal, params.id, provider, updateMask);
    return { provider: providerJson(row) };
  },
});

const deleteProvider = jsonOperation({
  operationId: `${SERVICE}.DeleteProvider`,
  route: `DELETE ${PATH}/{id}`,
  summary: "Delete a provider of workload identities that no trust uses",
  permission: "identity:write",
  async handle({ params }, { federationProviders }: Uses<"federationProviders">) {
    await federationProviders.delete(params.id);
  },
});

/** Providers of workload identities. */
export const PROVIDER_OPERATIONS = [
  listProviders,
  createProvider,
  getProvider,
  updateProvider,
  deleteProvider,
];
