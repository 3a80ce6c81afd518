/** The check of a workload's token: does the trust accept the token, and which step says no. */
import { compactVerify, decodeProtectedHeader, errors, type JWTPayload } from "jose";
import type { ProviderRow, TrustRow } from "../../../store/federation.ts";
import { KeySetError, type KeySets, verifyByKeySet } from "../../key_sets.ts";
import { clientHost } from "../credentials.ts";
import { isAllowedFrom, type SourceNetworks } from "../source_networks.ts";
import { ClaimsError, parseClaims } from "./claims.ts";
import { compileCondition, ConditionError } from "./conditions.ts";

/** Signatures of providers: asymmetric ones, so that no public key can serve as a secret. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** As C1 has it: a token is for one job, which exchanges it when it begins. */
const TOKEN_AGE_MAX_S = 10 * 60;
/** Largest accepted difference between the clocks of provider and server. */
const CLOCK_SKEW_S = 10;
/** The steps in their order, by the names of C1. */
export const STEPS = [
  "jwtDecode",
  "issuerMatch",
  "signatureValidation",
  "audienceValidation",
  "subjectValidation",
  "tokenFreshness",
  "celEvaluation",
  "cidrCheck",
] as const;
type StepName = typeof STEPS[number];

/** Why a token is rejected, in the words of the audit log. */
type TokenRejection =
  | "invalid_jwt_format"
  | "issuer_mismatch"
  | "signature_invalid"
  | "keys_unavailable"
  | "audience_mismatch"
  | "subject_missing"
  | "token_expired"
  | "token_too_old"
  | "cel_condition_not_met"
  | "cidr_not_allowed";

/**
 * The texts one of which the tokens of workloads must name as their audience: the server's host name, with or without the
 * port, or its URL. A client id has the host, too.
 * @param url base URL of the server
 */
export function audiencesOf(url: string): readonly string[] {
  const { hostname, host, origin } = new URL(url);
  const inClientIds = clientHost(url);
  return [...new Set([hostname, host, origin, inClientIds, inClientIds.replace(/:\d+$/, "")])];
}

/** How a step ended. A step behind a failed one is skipped: nothing that it reads was proved. */
export interface StepResult {
  readonly passed: boolean;
  readonly skipped: boolean;
  readonly expected: string;
  readonly actual: string;
  readonly detail: string;
}

/** What the check found. */
export interface TokenCheck {
  readonly steps: Readonly<Record<StepName, StepResult>>;
  /** The claims of a token that could be decoded, verified or not. */
  readonly claims: JWTPayload | undefined;
  readonly rejection:
    | { readonly reason: TokenRejection; readonly step: StepName; readonly detail: string }
    | undefined;
}

interface CheckedToken {
  readonly token: string;
  readonly trust: Pick<TrustRow, "conditionExpression" | "allowSourceCidrs">;
  /** The networks of the trust. */
  readonly sources: SourceNetworks;
  readonly provider: Pick<ProviderRow, "issuerUrl">;
  /** Texts one of which must be an audience of the token. */
  readonly audiences: readonly string[];
  /** Where the token comes from; undefined if it is not known. */
  readonly address: string | undefined;
  readonly now: Date;
}

/** A step that failed ends the check. */
class Failed extends Error {
  constructor(readonly reason: TokenRejection, readonly found: Partial<StepResult>) {
    super(found.detail);
  }
}

const SKIPPED: StepResult = { passed: false, skipped: true, expected: "", actual: "", detail: "" };

/** Checks the token of a workload, step by step, until a step fails. */
export async function checkToken(checked: CheckedToken, keySets: KeySets): Promise<TokenCheck> {
  const steps = Object.fromEntries(STEPS.map((name) => [name, SKIPPED])) as Record<
    StepName,
    StepResult
  >;
  let claims: JWTPayload | undefined;
  for (const step of STEPS) {
    try {
      // The first step sets the claims, and all others read them.
      if (step === "jwtDecode") claims = decode(checked.token);
      const found = await CHECKS[step](checked, claims ?? {}, keySets);
      steps[step] = { ...SKIPPED, skipped: false, passed: true, ...found };
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      steps[step] = { ...SKIPPED, skipped: false, ...error.found };
      const { detail = "" } = error.found;
      return { steps, claims, rejection: { reason: error.reason, step, detail } };
    }
  }
  return { steps, claims, rejection: undefined };
}

type StepCheck = (
  checked: CheckedToken,
  claims: JWTPayload,
  keySets: KeySets,
) => Partial<StepResult> | Promise<Partial<StepResult>>;

const CHECKS: Readonly<Record<StepName, StepCheck>> = {
  jwtDecode: () => ({ detail: "the token is a signed JWT" }),
  issuerMatch: ({ provider: { issuerUrl } }, { iss }) => {
    const found = { expected: issuerUrl, actual: shown(iss) };
    if (iss === issuerUrl) return found;
    throw new Failed("issuer_mismatch", {
      ...found,
      detail: "iss is not the issuerUrl of the provider",
    });
  },
  signatureValidation: checkSignature,
  audienceValidation: ({ audiences }, { aud }) => {
    const found = { expected: audiences.join(" or "), actual: shown(aud) };
    const given: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    if (audiences.some((one) => given.includes(one))) return found;
    throw new Failed("audience_mismatch", { ...found, detail: "aud does not name this server" });
  },
  subjectValidation: (_, { sub }) => {
    const found = { expected: "a text", actual: shown(sub) };
    if (typeof sub === "string" && sub !== "") return found;
    throw new Failed("subject_missing", { ...found, detail: "sub is missing or empty" });
  },
  tokenFreshness: checkFreshness,
  celEvaluation: checkCondition,
  cidrCheck: ({ trust, sources, address }) => {
    const cidrs = JSON.parse(trust.allowSourceCidrs) as string[];
    const found = { expected: cidrs.join(", ") || "any address", actual: address ?? "" };
    if (isAllowedFrom(sources, address)) return found;
    throw new Failed("cidr_not_allowed", {
      ...found,
      detail: "the address is not in allowSourceCidrs",
    });
  },
};

/** The claims of a JWT in compact form. @throws Failed */
function decode(token: string): JWTPayload {
  const fail = (detail: string) => new Failed("invalid_jwt_format", { detail });
  const [, payload, signature, ...more] = token.split(".");
  if (payload === undefined || !signature || more.length > 0) {
    throw fail("the token is not a signed JWT in compact form");
  }
  let json: string;
  try {
    decodeProtectedHeader(token);
    const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fail("its header or its claims are not JSON in base64url");
  }
  try {
    return parseClaims(json) as JWTPayload;
  } catch (error) {
    if (error instanceof ClaimsError) throw fail(`its JSON ${error.message}`);
    throw error;
  }
}

async function checkSignature(
  { token, provider: { issuerUrl: issuer } }: CheckedToken,
  _: JWTPayload,
  keySets: KeySets,
): Promise<Partial<StepResult>> {
  const { alg, kid } = decodeProtectedHeader(token);
  const found = { expected: `a key of ${issuer}`, actual: `alg ${shown(alg)}, kid ${shown(kid)}` };
  try {
    await verifyByKeySet(
      (key) => compactVerify(token, key, { algorithms: ALGORITHMS }),
      (isFresh) => keySets.read({ kind: "issuer", issuer }, isFresh),
    );
    return found;
  } catch (error) {
    if (error instanceof KeySetError) {
      throw new Failed("keys_unavailable", { ...found, detail: error.message });
    }
    if (!(error instanceof errors.JOSEError || error instanceof TypeError)) throw error;
    throw new Failed("signature_invalid", { ...found, detail: error.message });
  }
}

function checkFreshness({ now }: CheckedToken, { iat, exp, nbf }: JWTPayload): Partial<StepResult> {
  const seconds = now.getTime() / 1000;
  const times = { iat, nbf, exp };
  const actual = Object.entries(times).filter(([, time]) => time !== undefined)
    .map(([name, time]) => `${name} ${timeOf(time)}`).join(", ");
  const found = {
    expected: `issued in the last ${TOKEN_AGE_MAX_S / 60} minutes, not expired`,
    actual,
  };
  const fail = (reason: TokenRejection, detail: string) => new Failed(reason, { ...found, detail });
  if (!isTime(exp) || exp <= seconds - CLOCK_SKEW_S) {
    throw fail("token_expired", exp === undefined ? "exp is missing" : "exp has passed");
  }
  if (!isTime(iat)) throw fail("token_too_old", "iat is missing");
  if (iat < seconds - TOKEN_AGE_MAX_S - CLOCK_SKEW_S) {
    throw fail("token_too_old", `iat is more than ${TOKEN_AGE_MAX_S / 60} minutes ago`);
  }
  const early = [["iat", iat], ["nbf", nbf]] as const;
  for (const [name, time] of early) {
    if (time === undefined) continue;
    if (!isTime(time) || time > seconds + CLOCK_SKEW_S) {
      throw fail("token_too_old", `${name} is in the future`);
    }
  }
  return found;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function timeOf(seconds: unknown): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? shown(seconds) : date.toISOString();
}

async function checkCondition(
  { trust: { conditionExpression: expected } }: CheckedToken,
  claims: JWTPayload,
): Promise<Partial<StepResult>> {
  const fail = (actual: string, detail: string) =>
    new Failed("cel_condition_not_met", { expected, actual, detail });
  try {
    const value = (await compileCondition(expected)).evaluate(claims);
    if (value.kind === "failed") throw fail("error", value.reason);
    if (value.kind === "unmet") throw fail("false", "the condition is false for these claims");
    return { expected, actual: "true" };
  } catch (error) {
    // A later version may reject a condition that this trust was made with.
    if (error instanceof ConditionError) throw fail("error", `the condition ${error.message}`);
    throw error;
  }
}

const SHOWN_CHARS_MAX = 300;

/** A claim of a stranger, in a message or on record. */
export function shown(claim: unknown): string {
  const text = typeof claim === "string" ? claim : JSON.stringify(claim) ?? "missing";
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}
