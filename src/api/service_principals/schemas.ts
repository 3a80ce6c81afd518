import { z } from "@hono/zod-openapi";
import type { Binding } from "../../domain/identity/mod.ts";
import type { PrincipalRow, UsedCredentialRow } from "../../store/identity.ts";
import {
  CREDENTIAL,
  CREDENTIAL_KIND,
  CREDENTIAL_LIFETIME,
  CREDENTIAL_SETTINGS,
  PRINCIPAL,
} from "../../resources/principals.ts";
import { lifetimeIn } from "../lifetimes.ts";
import { resource } from "../messages/of_schema.ts";
import { durationJson, timestamp } from "../primitives.ts";
import { answerJson, answerShape, enumOf, textOf } from "../resource.ts";
import { roleIdsIn } from "../role_ids.ts";
import { sourceCidrsIn } from "../source_cidrs.ts";
import { userJson, userOut } from "../users/schemas.ts";

export const principalNameIn = textOf(PRINCIPAL.displayName).min(1);

/** In C1's API, the roles and the status of a service principal are fields of its user. */
export const principalOut = z.object({ ...answerShape(PRINCIPAL), user: userOut })
  .openapi("c1.api.service_principal.v1.ServicePrincipal");

export const principalAnswer = z.object({ servicePrincipal: principalOut });

/** The answer with a principal. */
export function principalAnswerJson(row: PrincipalRow): z.input<typeof principalAnswer> {
  return { servicePrincipal: principalJson(row) };
}

/** The API's form of a principal. */
export function principalJson(row: PrincipalRow): z.input<typeof principalOut> {
  // Groups of a provider give a service principal no roles.
  const user = userJson({ ...row, roleIds: JSON.parse(row.roles) as string[] });
  return { ...answerJson(PRINCIPAL, row), user };
}

/** What an update of a principal can carry. */
export const principalIn = resource(z.object({
  displayName: principalNameIn.optional(),
  disabled: z.boolean().optional(),
}));

const kind = enumOf(CREDENTIAL_KIND);

export const credentialOut = z.object({
  ...answerShape(CREDENTIAL),
  kind,
  neverExpires: z.boolean().openapi({
    description: "True for a credential without expiresAt, as the server makes at its first start",
  }),
}).openapi("c1.api.service_principal.v1.ServicePrincipalCredential");

export const credentialAnswer = z.object({ credential: credentialOut });

/** The API's form of a credential. */
export function credentialJson(row: UsedCredentialRow): z.input<typeof credentialOut> {
  return {
    ...answerJson(CREDENTIAL, row),
    kind: row.kind === "api_key" ? "CREDENTIAL_KIND_API_KEY" : "CREDENTIAL_KIND_SECRET",
    neverExpires: row.expiresAt === null,
  };
}

const { default: lifetimeMs } = CREDENTIAL_LIFETIME;

/** How long a new credential works. */
const expiresIn = lifetimeIn.default(lifetimeMs).openapi({
  type: "string",
  format: "duration",
  default: durationJson(lifetimeMs),
  description: "The credential expires after this time, which cannot be extended",
});

export const createCredentialIn = z.object({
  displayName: textOf(CREDENTIAL_SETTINGS.displayName).default(""),
  scopedRoles: roleIdsIn.default([]),
  allowSourceCidrs: sourceCidrsIn.default([]),
  expires: expiresIn,
  requireDpop: z.boolean().default(false).openapi({
    description: "Token requests and calls must prove a key (RFC 9449)",
  }),
  kind: kind.default("CREDENTIAL_KIND_UNSPECIFIED"),
}).openapi("c1.api.service_principal.v1.ServicePrincipalServiceCreateCredentialRequest");

/** What an update of a credential can carry. */
export const credentialIn = resource(z.object({
  displayName: textOf(CREDENTIAL_SETTINGS.displayName).optional(),
  scopedRoleIds: roleIdsIn.optional(),
  allowSourceCidrs: sourceCidrsIn.optional(),
  disabled: z.boolean().optional(),
}));

/** What a binding binds. */
export const subjectSchema = z.object({ functionId: z.string().optional() })
  .openapi("c1.api.service_principal.v1.ServicePrincipalBindingSubject");

export const bindingOut = z.object({
  servicePrincipalId: z.string(),
  subject: subjectSchema,
  createdAt: timestamp,
  updatedAt: timestamp,
}).openapi("c1.api.service_principal.v1.ServicePrincipalBinding");

/** The API's form of a binding. */
export function bindingJson(
  { functionId, servicePrincipalId, createdAt }: Binding,
): z.input<typeof bindingOut> {
  return { servicePrincipalId, subject: { functionId }, createdAt, updatedAt: createdAt };
}
