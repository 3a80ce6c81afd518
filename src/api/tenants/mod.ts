import { z } from "@hono/zod-openapi";
import type { TenantView } from "../../domain/tenants/tenants.ts";
import {
  TENANT,
  TENANT_CREDENTIAL,
  TENANT_FIELDS,
  TENANT_SETTINGS,
} from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";
import { resource } from "../messages/of_schema.ts";
import {
  empty,
  fieldMask,
  listOf,
  pageJson,
  pageOf,
  pageQuery,
  trueOrFalse,
} from "../primitives.ts";
import { answerJson, answerShape, requestShape } from "../resource.ts";
import { invalid } from "../../domain/errors.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";

const credentialOut = z.object(answerShape(TENANT_CREDENTIAL)).openapi("invoked.TenantCredential");

const tenantOut = z.object({
  ...answerShape(TENANT),
  credentials: z.array(credentialOut).openapi({
    description: "Oldest first; their secrets are never returned",
  }),
}).openapi("invoked.Tenant");
const tenantAnswer = z.object({ tenant: tenantOut });

/** The API's form of a tenant. */
function tenantJson({ row, credentials }: TenantView): z.input<typeof tenantOut> {
  return {
    ...answerJson(TENANT, row),
    credentials: credentials.map((credential) => answerJson(TENANT_CREDENTIAL, credential)),
  };
}

/** What an update carries: other fields of a tenant are ignored. */
const tenantIn = resource(z.object(requestShape(TENANT_SETTINGS)));

const clientIdIn = z.string().openapi({
  description: "Id of a client of the tenant, such as NAME@acme.conductor.one/SUFFIX",
});
const clientSecretIn = z.string().openapi({
  description: "Its secret, which begins with secret-token:conductorone.com:v1:. Never returned",
});

/** A client of a tenant. */
const clientIn = z.object({ clientId: clientIdIn, clientSecret: clientSecretIn })
  .openapi("invoked.TenantClient");

const createTenantIn = z.object({
  ...requestShape(TENANT_SETTINGS),
  host: z.string().optional().openapi({
    description: "Host of the tenant, such as acme.conductor.one; absent: the host of clientId",
  }),
  clientId: clientIdIn.optional(),
  clientSecret: clientSecretIn.optional(),
  isExample: z.boolean().optional().openapi({
    description: "True adds the example tenant, which has neither a host nor a client of its own",
  }),
}).openapi("invoked.CreateTenantRequest");

const forceQuery = z.object({
  force: trueOrFalse.optional().openapi({
    description: "`true` removes it although functions use it; their calls of the tenant fail then",
  }),
});

const userOut = z.object({ id: z.string(), displayName: z.string() })
  .openapi("invoked.TenantUser");
/** The functions that lose their access. */
const removedOut = z.object({
  functions: z.array(userOut).openapi({ description: "Functions that lose their access" }),
}).openapi("invoked.RemoveTenantResponse");

/** The API's form of the functions that lose their access. */
function removedJson(users: readonly FunctionRow[]): z.input<typeof removedOut> {
  return { functions: users.map(({ id, displayName }) => ({ id, displayName })) };
}

const SERVICE = "invoked.TenantService";
const PATH = "/api/v1/tenants";
const CREDENTIALS = `${PATH}/{tenant_id}/credentials`;

type Service = Uses<"tenants">;

const listTenants = jsonOperation({
  operationId: `${SERVICE}.List`,
  route: `GET ${PATH}`,
  summary: "List the C1 tenants of the server, newest first",
  permission: "tenants:read",
  ofClient: true,
  query: pageQuery,
  response: listOf(tenantOut),
  async handle({ query }, { tenants }: Service) {
    return pageJson(await tenants.list(pageOf(query)), tenantJson);
  },
});

const createTenant = jsonOperation({
  operationId: `${SERVICE}.Create`,
  route: `POST ${PATH}`,
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
  route: `GET ${PATH}/{id}`,
  summary: "Get a C1 tenant with the ids of its clients",
  permission: "tenants:read",
  ofClient: true,
  response: tenantAnswer,
  async handle({ params }, { tenants }: Service) {
    return { tenant: tenantJson(await tenants.get(params.id)) };
  },
});

const updateTenant = jsonOperation({
  operationId: `${SERVICE}.Update`,
  route: `PATCH ${PATH}/{id}`,
  summary: `Change the masked fields of a C1 tenant: ${TENANT_FIELDS.join(", ")}`,
  permission: "tenants:write",
  ofClient: true,
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
  route: `DELETE ${PATH}/{id}`,
  summary: "Remove a C1 tenant with its credentials",
  permission: "tenants:write",
  ofClient: true,
  query: forceQuery,
  response: removedOut,
  async handle({ params, query }, { tenants }: Service) {
    return removedJson(await tenants.delete(params.id, query.force === "true"));
  },
});

const createCredential = jsonOperation({
  operationId: `${SERVICE}.CreateCredential`,
  route: `POST ${CREDENTIALS}`,
  summary: "Add a credential of a C1 tenant, once the tenant has accepted it",
  permission: "tenants:write",
  ofClient: true,
  body: clientIn,
  response: tenantAnswer,
  async handle({ params, body }, { tenants }: Service) {
    return { tenant: tenantJson(await tenants.addCredential(params.tenant_id, body)) };
  },
});

const rotateCredential = jsonOperation({
  operationId: `${SERVICE}.RotateCredential`,
  route: `POST ${CREDENTIALS}/{id}/rotate`,
  summary: "Replace the client of a credential, once the tenant has accepted the new one",
  permission: "tenants:write",
  ofClient: true,
  body: clientIn,
  response: tenantAnswer,
  async handle({ params, body }, { tenants }: Service) {
    const view = await tenants.rotateCredential(params.tenant_id, params.id, body);
    return { tenant: tenantJson(view) };
  },
});

const deleteCredential = jsonOperation({
  operationId: `${SERVICE}.DeleteCredential`,
  route: `DELETE ${CREDENTIALS}/{id}`,
  summary: "Remove a credential of a C1 tenant, but not the oldest one",
  permission: "tenants:write",
  ofClient: true,
  query: forceQuery,
  response: removedOut,
  async handle({ params, query }, { tenants }: Service) {
    const { tenant_id, id } = params;
    return removedJson(await tenants.deleteCredential(tenant_id, id, query.force === "true"));
  },
});

const check = jsonOperation({
  operationId: `${SERVICE}.Check`,
  route: `POST ${CREDENTIALS}/{id}/check`,
  summary: "Introspect at a C1 tenant; who may do this may also give functions access to tenants",
  permission: "tenants:write",
  ofClient: true,
  audit: "call",
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
