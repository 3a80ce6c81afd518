/** The tables of workload federation, as `schema.ts` has them. */
import type { Columns } from "../resources/field.ts";
import type { PROVIDER, TRUST_RULES } from "../resources/federation.ts";

/** A provider of workload identities. */
export interface FederationProviderTable extends Columns<typeof PROVIDER> {}

/** What a trust has besides its credential. */
export interface FederationTrustTable extends Columns<typeof TRUST_RULES> {
  /** The id of the credential. */
  id: string;
  providerId: string;
}

export interface FederationSchema {
  federationProviders: FederationProviderTable;
  federationTrusts: FederationTrustTable;
}
