import type { Store } from "../../../store/mod.ts";
import type { TrustRow } from "../../../store/federation.ts";
import type { KeySets } from "../../key_sets.ts";
import type { Granted } from "../access_tokens.ts";
import { providerOf } from "../federation/providers.ts";
import { checkToken, shown } from "../federation/subject_token.ts";
import type { LiveClient, LiveClients } from "../live_clients.ts";
import { checkedFor, holderAs, rejectedFor } from "../holders.ts";
import { type Grant, OAuthError, required } from "./grant.ts";
import { rolesOfScope } from "./scopes.ts";
import type { TokenTargets } from "./targets.ts";

const JWT = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
/** Characters of all claims that an access token carries: every request sends the token. */
const PASSED_CHARS_MAX = 4096;
/** As C1 has it. */
const LIFETIME_MS = 30 * 60 * 1000;

/**
 * The token of a workload's own provider for an access token (RFC 8693). The trust that the request names decides.
 *
 * A workload may exchange its token again while the token is fresh, as at C1 and the large clouds: each command of a job
 * needs an access token, the job has one token of its provider, and whoever steals that token could use it first anyway.
 */
export class TokenExchangeGrant implements Grant {
  readonly type = "urn:ietf:params:oauth:grant-type:token-exchange";

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly liveClients: LiveClients;
      readonly keySets: KeySets;
      /** What the tokens of workloads may name as their audience. */
      readonly audiences: readonly string[];
      readonly targets: TokenTargets;
    },
  ) {}

  async authenticate(form: URLSearchParams, address: string | undefined): Promise<Granted> {
    const token = required(form, "subject_token");
    assertTypes(form);
    this.parts.targets.assertAudiences(form.getAll("audience"));
    const { trust, client } = await this.#usable(required(form, "client_id"));
    const { store: { read }, liveClients, keySets, audiences } = this.parts;
    const provider = await providerOf(read, trust.providerId);
    const { sources } = client;
    const checked = { token, trust, sources, provider, audiences, address, now: new Date() };
    const { claims = {}, rejection } = await checkToken(checked, keySets);
    const holder = holderAs(client.principal);
    if (rejection !== undefined) {
      const error = rejected(rejection.reason, `${rejection.step}: ${rejection.detail}`);
      // The last step: everything else of the token is right.
      throw rejection.step === "cidrCheck" ? rejectedFor(error, holder) : error;
    }
    const [issuer, subject, jti] = [claims.iss, claims.sub, claims.jti].map(shown);
    const passed = passedOn(JSON.parse(trust.passthroughClaims) as string[], claims);
    return {
      client,
      roles: await checkedFor(
        holder,
        () => rolesOfScope(form.get("scope") ?? "", liveClients, read.identity),
      ),
      claims: passed,
      facts: { workload: { issuer, subject, jti, claims: passed } },
      lifetimeMs: LIFETIME_MS,
      issuedTokenType: ACCESS_TOKEN,
    };
  }

  /** The trust of a client id, and its principal, if both may be used. @throws OAuthError */
  async #usable(clientId: string): Promise<{ trust: TrustRow; client: LiveClient }> {
    const { store: { read }, liveClients } = this.parts;
    const [trust, row] = await Promise.all([
      read.federation.trust(clientId),
      read.identity.client(clientId),
    ]);
    if (trust === undefined || row === undefined) {
      throw rejected("trust_not_found", "no trust has this client id");
    }
    // The trusts of a deleted principal are deleted with it.
    if (row.principal.disabled === 1) {
      throw rejected("sp_disabled", "the service principal is disabled");
    }
    if (row.isProviderDisabled) throw rejected("provider_disabled", "the provider is disabled");
    const client = liveClients.of(row);
    if (client === undefined) throw rejected("trust_disabled", "the trust is disabled or deleted");
    return { trust, client };
  }
}

/** @throws OAuthError */
function assertTypes(form: URLSearchParams): void {
  const type = required(form, "subject_token_type");
  if (type !== JWT) throw new OAuthError("invalid_request", `subject_token_type must be ${JWT}`);
  const requested = form.get("requested_token_type") || ACCESS_TOKEN;
  if (requested !== ACCESS_TOKEN) {
    throw new OAuthError("invalid_request", `requested_token_type must be ${ACCESS_TOKEN}`);
  }
  // An answer without the actor would let the workload act in its own name.
  const actor = ["actor_token", "actor_token_type"].find((name) => form.get(name));
  if (actor !== undefined) throw new OAuthError("invalid_request", `${actor} is not supported`);
}

/**
 * One error for all reasons (RFC 8693, section 2.2.2): a stranger learns neither which trusts exist nor what they accept.
 * The audit log has the reason, and so has the test of the trust.
 */
function rejected(code: string, detail: string): OAuthError {
  return new OAuthError(
    "invalid_request",
    "subject_token rejected: no usable trust with this client_id accepts the token; an owner finds the reason in the audit log",
    { code, detail },
  );
}

/** The claims of these names that are texts, as far as they fit into the token. */
function passedOn(
  names: readonly string[],
  claims: Readonly<Record<string, unknown>>,
): Record<string, string> | undefined {
  if (names.length === 0) return undefined;
  let left = PASSED_CHARS_MAX;
  return Object.fromEntries(names.flatMap((name) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof value !== "string" || value.length > left) return [];
    left -= value.length;
    return [[name, value]];
  }));
}
