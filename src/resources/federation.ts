/** What providers of workload identities and trusts have. From here follow: requests, answers, OpenAPI, columns, masks. */
import { type Fields, SERVER_ID, SERVER_TIME, type Wanted } from "./field.ts";
import { CREDENTIAL_SETTINGS } from "./principals.ts";
import { WELL_KNOWN_PROVIDERS } from "./words.ts";

const DESCRIPTION = { kind: "text", max: 2048, unset: { value: "" } } as const;

/** What an update can set. */
export const PROVIDER_SETTINGS = {
  displayName: { kind: "text", max: 256, unset: { value: "" } },
  description: DESCRIPTION,
  disabled: {
    kind: "flag",
    about: "Whether the trusts of the provider are rejected, and their access tokens ended",
    unset: { value: false },
  },
} as const satisfies Fields;

export const PROVIDER = {
  id: SERVER_ID,
  ...PROVIDER_SETTINGS,
  issuerUrl: {
    kind: "text",
    max: 2048,
    about:
      "The claim iss of its tokens; its discovery document is below this URL. It cannot change",
    sample: "https://token.actions.githubusercontent.com",
    unset: { value: undefined },
  },
  wellKnownProvider: {
    kind: "oneOf",
    values: WELL_KNOWN_PROVIDERS,
    labels: {
      WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS: "GitHub Actions",
      WELL_KNOWN_WORKLOAD_PROVIDER_GITLAB_CI: "GitLab CI/CD",
      WELL_KNOWN_WORKLOAD_PROVIDER_HCP_TERRAFORM: "HCP Terraform",
      WELL_KNOWN_WORKLOAD_PROVIDER_AWS_IAM_OUTBOUND: "AWS",
      WELL_KNOWN_WORKLOAD_PROVIDER_CUSTOM: "Another OpenID Connect issuer",
    },
    schema: "c1.api.workload_federation.v1.WellKnownWorkloadProvider",
    unset: { value: undefined },
  },
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
} as const satisfies Fields;

/** The issuers of providers that have one for everybody, by their kinds; servers of one's own have others. */
export const WELL_KNOWN_ISSUERS: Readonly<Record<string, string>> = {
  WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS: "https://token.actions.githubusercontent.com",
  WELL_KNOWN_WORKLOAD_PROVIDER_GITLAB_CI: "https://gitlab.com",
  WELL_KNOWN_WORKLOAD_PROVIDER_HCP_TERRAFORM: "https://app.terraform.io",
};

/** Of a trust, in a row of its own. */
export const TRUST_RULES = {
  description: DESCRIPTION,
  conditionExpression: {
    kind: "text",
    about: "CEL over claims; the token is accepted if it is true. At most 1024 bytes",
    sample: "claims.repository == 'acme/app' && claims.ref == 'refs/heads/main'",
    unset: { value: undefined },
  },
  passthroughClaims: {
    kind: "list",
    rule: "claim",
    max: 32,
    about: "Names of claims whose texts the access token carries in c1wfc",
    unset: { value: [] },
  },
} as const satisfies Fields;

/** What an update can set. */
export const TRUST_SETTINGS = { ...CREDENTIAL_SETTINGS, ...TRUST_RULES } as const satisfies Fields;

export const TRUST = {
  clientId: SERVER_ID,
  servicePrincipalId: { ...SERVER_ID, column: "principalId" },
  providerId: SERVER_ID,
  ...TRUST_SETTINGS,
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
} as const satisfies Fields;

export type ProviderSettings = Wanted<typeof PROVIDER_SETTINGS>;
export type TrustSettings = Wanted<typeof TRUST_SETTINGS>;
/** The paths of update masks. */
export const PROVIDER_FIELDS = Object.keys(
  PROVIDER_SETTINGS,
) as readonly (keyof ProviderSettings)[];
export const TRUST_FIELDS = Object.keys(TRUST_SETTINGS) as readonly (keyof TrustSettings)[];
