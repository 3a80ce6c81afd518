import { z } from "@hono/zod-openapi";
import { quoted } from "../../config/mod.ts";
import { DomainError } from "../../domain/errors.ts";
import { PROVIDER, PROVIDER_SETTINGS, TRUST, TRUST_SETTINGS } from "../../resources/federation.ts";
import type { ProviderRow, TrustRow } from "../../store/federation.ts";
import { resource } from "../messages/of_schema.ts";
import { answerJson, answerShape, enumOf, requestShape, textOf } from "../resource.ts";
import { roleIdsIn } from "../role_ids.ts";
import { ofPrincipalParam } from "../service_principals/schemas.ts";
import { sourceCidrsIn } from "../source_cidrs.ts";

/** C1 has no settings for OpenID Connect; that they are there says which kind the provider is of. */
export const oidcSettings = z.object({}).openapi("c1.api.workload_federation.v1.OIDCSettings");
export const spiffeSettings = z.object({ bundleEndpointUrl: z.string().optional() })
  .openapi("c1.api.workload_federation.v1.SPIFFESettings");

export const nameIn = textOf(PROVIDER.displayName).min(1);
export const descriptionIn = textOf(PROVIDER.description).default("");
export const wellKnownIn = enumOf(PROVIDER.wellKnownProvider);

const UNSPECIFIED = "WELL_KNOWN_WORKLOAD_PROVIDER_UNSPECIFIED";
const SPIFFE = "WELL_KNOWN_WORKLOAD_PROVIDER_SPIFFE";
type WellKnown = z.output<typeof wellKnownIn>;
/** The kinds that a provider can be of. */
export type OidcProvider = Exclude<WellKnown, typeof UNSPECIFIED | typeof SPIFFE>;

/** @throws SPIFFE_NOT_SUPPORTED */
export function assertNoSpiffe(
  { wellKnownProvider, spiffe }: {
    readonly wellKnownProvider?: WellKnown | undefined;
    readonly spiffe?: object | undefined;
  },
): void {
  if (wellKnownProvider !== SPIFFE && spiffe === undefined) return;
  throw new DomainError(
    "SPIFFE_NOT_SUPPORTED",
    "SPIFFE providers are not supported: this server verifies tokens of OpenID Connect issuers. A SPIRE server issues " +
      "such tokens through its OIDC discovery provider; add it as WELL_KNOWN_WORKLOAD_PROVIDER_CUSTOM",
  );
}

/** The issuer of a provider: compared with the claim `iss` verbatim. */
export const issuerIn = textOf(PROVIDER.issuerUrl).refine(isIssuer, {
  error: ({ input }) =>
    `${quoted(input)} is not an https URL without user, query and fragment, such as ` +
    PROVIDER.issuerUrl.sample,
});

function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === "https:" && !/[?#\s]/.test(text) && url.username === "" &&
    url.password === "";
}

export const providerOut = z.object({ ...answerShape(PROVIDER), oidc: oidcSettings })
  .openapi("c1.api.workload_federation.v1.WorkloadFederationProvider");
export const providerAnswer = z.object({ provider: providerOut });

/** What an update carries: other fields of a provider are ignored. */
export const providerIn = resource(z.object({
  ...requestShape(PROVIDER_SETTINGS),
  wellKnownProvider: wellKnownIn.optional(),
  oidc: oidcSettings.optional(),
  spiffe: spiffeSettings.optional(),
}));

/** The API's form of a provider. */
export function providerJson(row: ProviderRow): z.input<typeof providerOut> {
  return { ...answerJson(PROVIDER, row), oidc: {} };
}

const CLAIM_CHARS_MAX = 128;
const claimIn = z.string().min(1).max(CLAIM_CHARS_MAX);

/** The fields of a trust that requests carry. */
export const trustShape = {
  ...requestShape(TRUST_SETTINGS, { claim: claimIn }),
  scopedRoleIds: roleIdsIn.optional(),
  allowSourceCidrs: sourceCidrsIn.optional(),
};
export const trustIn = resource(z.object(trustShape));

export const trustOut = z.object(answerShape(TRUST))
  .openapi("c1.api.workload_federation.v1.WorkloadFederationTrust");
export const trustAnswer = z.object({ trust: trustOut });

/** The API's form of a trust. */
export function trustJson(row: TrustRow): z.input<typeof trustOut> {
  return answerJson(TRUST, row);
}

/** Names a provider. */
export const providerParam = z.object({ id: z.string() });
/** Names a trust of a service principal. Its client id has a slash, which a path has as `%2F`. */
export const trustParams = ofPrincipalParam.extend({ client_id: z.string() });
