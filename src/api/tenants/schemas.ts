import { z } from "@hono/zod-openapi";
import type { TenantView } from "../../domain/tenants/tenants.ts";
import { TENANT, TENANT_CREDENTIAL, TENANT_SETTINGS } from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";
import { resource } from "../messages/of_schema.ts";
import { trueOrFalse } from "../primitives.ts";
import { answerJson, answerShape, requestShape } from "../resource.ts";

const credentialOut = z.object(answerShape(TENANT_CREDENTIAL)).openapi("invoked.TenantCredential");

export const tenantOut = z.object({
  ...answerShape(TENANT),
  credentials: z.array(credentialOut).openapi({
    description: "Oldest first; their secrets are never returned",
  }),
}).openapi("invoked.Tenant");
export const tenantAnswer = z.object({ tenant: tenantOut });

/** The API's form of a tenant. */
export function tenantJson({ row, credentials }: TenantView): z.input<typeof tenantOut> {
  return {
    ...answerJson(TENANT, row),
    credentials: credentials.map((credential) => answerJson(TENANT_CREDENTIAL, credential)),
  };
}

/** What an update carries: other fields of a tenant are ignored. */
export const tenantIn = resource(z.object(requestShape(TENANT_SETTINGS)));

const clientIdIn = z.string().openapi({
  description: "Id of a client of the tenant, such as NAME@acme.conductor.one/SUFFIX",
});
const clientSecretIn = z.string().openapi({
  description: "Its secret, which begins with secret-token:conductorone.com:v1:. Never returned",
});

/** A client of a tenant. */
export const clientIn = z.object({ clientId: clientIdIn, clientSecret: clientSecretIn })
  .openapi("invoked.TenantClient");

export const createTenantIn = z.object({
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

/** Names a tenant. */
export const tenantParam = z.object({ id: z.string() });
/** Names the tenant that a credential belongs to. */
export const ofTenantParam = z.object({ tenant_id: z.string() });
export const tenantCredentialParam = ofTenantParam.extend({ id: z.string() });

export const forceQuery = z.object({
  force: trueOrFalse.optional().openapi({
    description: "`true` removes it although functions use it; their calls of the tenant fail then",
  }),
});

const userOut = z.object({ id: z.string(), displayName: z.string() })
  .openapi("invoked.TenantUser");
/** The functions that lose their access. */
export const removedOut = z.object({
  functions: z.array(userOut).openapi({ description: "Functions that lose their access" }),
}).openapi("invoked.RemoveTenantResponse");

/** The API's form of the functions that lose their access. */
export function removedJson(users: readonly FunctionRow[]): z.input<typeof removedOut> {
  return { functions: users.map(({ id, displayName }) => ({ id, displayName })) };
}
