import { z } from "@hono/zod-openapi";
import { quoted } from "../../config/mod.ts";
import { DomainError, invalid } from "../../domain/errors.ts";
import { PROVIDER, PROVIDER_SETTINGS, TRUST, TRUST_SETTINGS } from "../../resources/federation.ts";
import type { ProviderRow, TrustRow } from "../../store/federation.ts";
import { resource } from "../messages/of_schema.ts";
import { answerJson, answerShape, enumOf, requestShape, textOf } from "../resource.ts";
import { roleIdsIn } from "../role_ids.ts";
import { sourceCidrsIn } from "../source_cidrs.ts";

/** C1 has no settings for OpenID Connect, and its TypeScript SDK sends no object for them. */
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

export const issuerIn = textOf(PROVIDER.issuerUrl);

/**
 * Checks the issuer of an OpenID Connect provider, which is compared with the claim `iss` verbatim. Other kinds of
 * providers have issuers of other schemes.
 * @throws INVALID_FIELD
 */
export function assertIssuer(issuerUrl: string): void {
  const url = URL.parse(issuerUrl);
  if (
    url?.protocol === "https:" && !/[?#\s]/.test(issuerUrl) && url.username === "" &&
    url.password === ""
  ) return;
  const description =
    `${quoted(issuerUrl)} is not an https URL without user, query and fragment, ` +
    `such as ${PROVIDER.issuerUrl.sample}`;
  throw invalid({ field: "issuerUrl", description });
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

/** The client id of a trust has a slash. */
export const trustSlashes = { client_id: "trust" } as const;
