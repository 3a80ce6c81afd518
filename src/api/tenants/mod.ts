import { z } from "@hono/zod-openapi";
import { invalid } from "../../domain/errors.ts";
import { TENANT_FIELDS } from "../../resources/tenants.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { empty, fieldMask, listOf, pageOf, pageQuery } from "../primitives.ts";
import {
  clientIn,
  createTenantIn,
  forceQuery,
  ofTenantParam,
  removedJson,
  removedOut,
  tenantAnswer,
  tenantCredentialParam,
  tenantIn,
  tenantJson,
  tenantOut,
  tenantParam,
} from "./schemas.ts";

const SERVICE = "invoked.TenantService";
const PATH = "/api/v1/tenants";
const CREDENTIALS = `${PATH}/{tenant_id}/credentials`;

type Service = Uses<"tenants">;

const listTenants = jsonOperation({
  operationId: `${SERVICE}.List`,
  method: "get",
  path: PATH,
  summary: "List the C1 tenants of the server, newest first",
  permission: "tenants:read",
  ofClient: true,
  query: pageQuery,
  response: listOf(tenantOut),
  async handle({ query }, { tenants }: Service) {
    const { list, nextPageToken } = await tenants.list(pageOf(query));
    return { list: list.map(tenantJson), nextPageToken };
  },
});

const createTenant = jsonOperation({
  operationId: `${SERVICE}.Create`,
  method: "post",
  path: PATH,
  summary: "Add a C1 tenant, once it has accepted the client, or the example tenant",
  permission: "tenants:write",
  ofClient: true,
  body: createTenantIn,
  response: tenantAnswer,
  async handle({ body }, { tenants }: Service) {
    const { isExample = false, name = "", clientId = "", clientSecret = "" } = body;
    if (isExample) {
      assertAbsent("host", body.host);
      assertAbsent("clientId", clientId);
      assertAbsent("clientSecret", clientSecret);
      return { tenant: tenantJson(await tenants.createExample(name)) };
    }
    const host = body.host || (/@([^@/]+)\//.exec(clientId)?.[1] ?? "");
    return { tenant: tenantJson(await tenants.create({ host, name, clientId, clientSecret })) };
  },
});

const getTenant = jsonOperation({
  operationId: `${SERVICE}.Get`,
  method: "get",
  path: `${PATH}/{id}`,
  summary: "Get a C1 tenant with the ids of its clients",
  permission: "tenants:read",
  ofClient: true,
  params: tenantParam,
  response: tenantAnswer,
  async handle({ params }, { tenants }: Service) {
    return { tenant: tenantJson(await tenants.get(params.id)) };
  },
});

const updateTenant = jsonOperation({
  operationId: `${SERVICE}.Update`,
  method: "patch",
  path: `${PATH}/{id}`,
  summary: `Change the masked fields of a C1 tenant: ${TENANT_FIELDS.join(", ")}`,
  permission: "tenants:write",
  ofClient: true,
  params: tenantParam,
  body: z.object({ tenant: tenantIn, updateMask: fieldMask.optional() })
    .openapi("invoked.UpdateTenantRequest"),
  response: tenantAnswer,
  async handle({ params, body }, { tenants }: Service) {
    const { tenant, updateMask } = body;
    return { tenant: tenantJson(await tenants.update(params.id, tenant, updateMask)) };
  },
});

const deleteTenant = jsonOperation({
  operationId: `${SERVICE}.Delete`,
  method: "delete",
  path: `${PATH}/{id}`,
  summary: "Remove a C1 tenant with its credentials",
  permission: "tenants:write",
  ofClient: true,
  params: tenantParam,
  query: forceQuery,
  body: empty,
  response: removedOut,
  async handle({ params, query }, { tenants }: Service) {
    return removedJson(await tenants.delete(params.id, query.force === "true"));
  },
});

const createCredential = jsonOperation({
  operationId: `${SERVICE}.CreateCredential`,
  method: "post",
  path: CREDENTIALS,
  summary: "Add a credential of a C1 tenant, once the tenant has accepted it",
  permission: "tenants:write",
  ofClient: true,
  params: ofTenantParam,
  body: clientIn,
  response: tenantAnswer,
  async handle({ params, body }, { tenants }: Service) {
    return { tenant: tenantJson(await tenants.addCredential(params.tenant_id, body)) };
  },
});

const rotateCredential = jsonOperation({
  operationId: `${SERVICE}.RotateCredential`,
  method: "post",
  path: `${CREDENTIALS}/{id}/rotate`,
  summary: "Replace the client of a credential, once the tenant has accepted the new one",
  permission: "tenants:write",
  ofClient: true,
  params: tenantCredentialParam,
  body: clientIn,
  response: tenantAnswer,
  async handle({ params, body }, { tenants }: Service) {
    const view = await tenants.rotateCredential(params.tenant_id, params.id, body);
    return { tenant: tenantJson(view) };
  },
});

const deleteCredential = jsonOperation({
  operationId: `${SERVICE}.DeleteCredential`,
  method: "delete",
  path: `${CREDENTIALS}/{id}`,
  summary: "Remove a credential of a C1 tenant, but not the oldest one",
  permission: "tenants:write",
  ofClient: true,
  params: tenantCredentialParam,
  query: forceQuery,
  body: empty,
  response: removedOut,
  async handle({ params, query }, { tenants }: Service) {
    const { tenant_id, id } = params;
    return removedJson(await tenants.deleteCredential(tenant_id, id, query.force === "true"));
  },
});

const check = jsonOperation({
  operationId: `${SERVICE}.Check`,
  method: "post",
  path: `${CREDENTIALS}/{id}/check`,
  summary: "Introspect at a C1 tenant; who may do this may also give functions access to tenants",
  permission: "tenants:write",
  ofClient: true,
  audit: "call",
  params: tenantCredentialParam,
  body: empty,
  response: z.object({
    userId: z.string().openapi({ description: "The user of the tenant that the client acts as" }),
    roles: z.array(z.string()).openapi({
      description: "Roles of the client, as the tenant has them",
    }),
  }).openapi("invoked.CheckTenantResponse"),
  async handle({ params }, { tenants }: Service) {
    const { userId, roles } = await tenants.check(params.tenant_id, params.id);
    return { userId, roles: [...roles] };
  },
});

/** C1 tenants that functions may call, and their credentials. */
export const TENANT_OPERATIONS: readonly Operation[] = [
  listTenants,
  createTenant,
  getTenant,
  updateTenant,
  deleteTenant,
  createCredential,
  rotateCredential,
  deleteCredential,
  check,
];

/** @throws INVALID_FIELD */
function assertAbsent(field: string, value: string | undefined): void {
  if (!value) return;
  throw invalid({ field, description: "must be absent with isExample: the server makes its own" });
}
