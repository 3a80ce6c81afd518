/** Workload federation without a page: what its forms begin with and send, and how the check of a token reads. */
import { PROVIDER, TRUST_RULES, WELL_KNOWN_ISSUERS } from "../../../../src/resources/federation.ts";
import type { Schemas, Trust } from "../../api/client.ts";
import { type Limits, linesOf } from "../../shell/limits.ts";

export type ProviderKind = keyof typeof PROVIDER["wellKnownProvider"]["labels"];

const LABELS: Readonly<Record<string, string>> = PROVIDER.wellKnownProvider.labels;

/** The kinds of providers that this server supports. */
export const KINDS = Object.entries(LABELS).map(([value, label]) => ({ value, label }));

export function kindLabel(kind: string): string {
  return LABELS[kind] ?? kind;
}

/** The issuer in a form after another kind was chosen: what the reader typed stays. */
export function issuerAfter(issuerUrl: string, before: string, kind: string): string {
  const isTyped = issuerUrl !== "" && issuerUrl !== WELL_KNOWN_ISSUERS[before];
  return isTyped ? issuerUrl : WELL_KNOWN_ISSUERS[kind] ?? "";
}

/** A condition that fits a kind of providers, and claims that meet the condition. */
interface Sample {
  readonly condition: string;
  readonly claims: object;
}

const SAMPLES: Readonly<Record<string, Sample>> = {
  WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS: {
    condition: TRUST_RULES.conditionExpression.sample,
    claims: { repository: "acme/app", ref: "refs/heads/main", event_name: "push" },
  },
  WELL_KNOWN_WORKLOAD_PROVIDER_GITLAB_CI: {
    condition: "claims.project_path == 'acme/app' && claims.ref == 'main'",
    claims: { project_path: "acme/app", ref: "main", ref_type: "branch" },
  },
  WELL_KNOWN_WORKLOAD_PROVIDER_HCP_TERRAFORM: {
    condition:
      "claims.terraform_organization_name == 'acme' && claims.terraform_run_phase == 'apply'",
    claims: { terraform_organization_name: "acme", terraform_run_phase: "apply" },
  },
};
const ANY_SAMPLE: Sample = { condition: "claims.sub == 'deployer'", claims: { sub: "deployer" } };

export function sampleOf(kind: string | undefined): Sample {
  return Object.hasOwn(SAMPLES, kind ?? "") ? SAMPLES[kind ?? ""] as Sample : ANY_SAMPLE;
}

/** A trust in a form. */
export interface TrustDraft extends Limits {
  readonly displayName: string;
  readonly description: string;
  readonly conditionExpression: string;
  /** Names of claims that the access token carries, one in each line. */
  readonly claims: string;
}

export const NEW_TRUST: TrustDraft = {
  displayName: "",
  description: "",
  conditionExpression: "",
  claims: "",
  roleIds: [],
  networks: "",
};

export function trustDraftOf(trust: Trust): TrustDraft {
  const { displayName, description, conditionExpression } = trust;
  return {
    displayName,
    description,
    conditionExpression,
    claims: trust.passthroughClaims.join("\n"),
    roleIds: trust.scopedRoleIds,
    networks: trust.allowSourceCidrs.join("\n"),
  };
}

/** The fields of a trust that its form shows, by their names in requests. */
export const TRUST_FIELDS = [
  "displayName",
  "description",
  "conditionExpression",
  "passthroughClaims",
  "scopedRoleIds",
  "allowSourceCidrs",
] as const;

type TrustSettings = Required<Pick<Trust, typeof TRUST_FIELDS[number]>>;

export function trustSettingsOf(
  { claims, roleIds, networks, ...texts }: TrustDraft,
): TrustSettings {
  return {
    ...texts,
    passthroughClaims: linesOf(claims),
    scopedRoleIds: [...roleIds],
    allowSourceCidrs: linesOf(networks),
  };
}

/** The settings that differ between two drafts. */
export function trustChanges(before: TrustDraft, draft: TrustDraft): Partial<TrustSettings> {
  const [old, settings] = [trustSettingsOf(before), trustSettingsOf(draft)];
  const changed = Object.entries(settings).filter(([name, value]) =>
    JSON.stringify(value) !== JSON.stringify(old[name as keyof TrustSettings])
  );
  return Object.fromEntries(changed) as Partial<TrustSettings>;
}

const STEPS = {
  jwtDecode: "Format",
  issuerMatch: "Issuer",
  signatureValidation: "Signature",
  audienceValidation: "Audience",
  subjectValidation: "Subject",
  tokenFreshness: "Age",
  celEvaluation: "Condition",
  cidrCheck: "Network",
} as const;

type StepResult = Schemas["c1.api.workload_federation.v1.TestTokenStepResult"];
export type TestedToken = { readonly [S in keyof typeof STEPS]?: StepResult };

export interface Step {
  readonly id: string;
  readonly label: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly expected: string;
  readonly actual: string;
  readonly detail: string;
}

/** The steps of the check of a token, in their order. */
export function stepsOf(tested: TestedToken): readonly Step[] {
  return (Object.keys(STEPS) as (keyof typeof STEPS)[]).map((id) => {
    const { passed, skipped, expected = "", actual = "", detail = "" } = tested[id] ?? {};
    const outcome = passed === true ? "passed" : skipped === true ? "skipped" : "failed";
    return { id, label: STEPS[id], outcome, expected, actual, detail };
  });
}

/** Claims as readers of a test see them: indented, or as they are if they are no JSON. */
export function claimsText(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
