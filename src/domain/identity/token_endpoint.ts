/** The token endpoint: chooses the grant of a request, and issues the token. */
import type { Audit } from "../audit/audit.ts";
import { DomainError } from "../errors.ts";
import type { AccessTokens, Granted } from "./access_tokens.ts";
import type { DpopProofs, ProofTarget } from "./dpop.ts";
import { assertEachOnce, type Grant, OAuthError, required, unknownClient } from "./grants/grant.ts";
import type { TokenTargets } from "./grants/targets.ts";
import { checkedFor, holderAs } from "./holders.ts";
import { isAllowedFrom } from "./source_networks.ts";

/** What the proof of a token request names. */
const TARGET: ProofTarget = {
  method: "POST",
  origin: undefined,
  path: "/auth/v1/token",
  accessToken: undefined,
};

/** RFC 6749, section 5.1; RFC 8693, section 2.2.1; RFC 9449, section 5. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly issued_token_type?: string;
  readonly token_type: "Bearer" | "DPoP";
  readonly expires_in: number;
}

/** What a request is granted, and by which grant. */
export interface TokenGrant extends Granted {
  readonly grantType: string;
}

/** Errors that only ask a client to wait: nothing was rejected. */
const PENDING: readonly string[] = ["authorization_pending", "slow_down"];

/** Exchanges what clients have for access tokens (RFC 6749). */
export class TokenEndpoint {
  readonly #grants: ReadonlyMap<string, Grant>;

  constructor(
    private readonly accessTokens: AccessTokens,
    private readonly proofs: DpopProofs,
    grants: readonly Grant[],
    private readonly audit: Audit,
    private readonly targets: TokenTargets,
  ) {
    this.#grants = new Map(grants.map((grant) => [grant.type, grant]));
  }

  /** The grant types that the endpoint takes. */
  get grantTypes(): readonly string[] {
    return [...this.#grants.keys()];
  }

  /**
   * What the request of a form is granted.
   * @param address of the client
   * @param dpop the header `DPoP`; undefined for a request that does not bind its token to a key
   * @throws OAuthError
   */
  async authenticate(
    form: URLSearchParams,
    address: string | undefined,
    dpop: string | undefined,
  ): Promise<TokenGrant> {
    try {
      return await this.#authenticate(form, address, dpop);
    } catch (error) {
      if (error instanceof OAuthError && !PENDING.includes(error.error)) {
        const clientId = form.get("client_id") ?? undefined;
        const grantType = form.get("grant_type") ?? "";
        await this.audit.record({
          kind: "authentication",
          // The name of another grant is a text of a stranger.
          activity: this.#grants.has(grantType) ? activityOf(grantType) : "token",
          user: error.holder ?? { clientId },
          rejected: error.record ?? { code: error.error, detail: error.description },
        });
      }
      throw error;
    }
  }

  async #authenticate(
    form: URLSearchParams,
    address: string | undefined,
    dpop: string | undefined,
  ): Promise<TokenGrant> {
    assertEachOnce(form);
    const grantType = required(form, "grant_type");
    const grant = this.#grants.get(grantType);
    if (grant === undefined) {
      throw new OAuthError(
        "unsupported_grant_type",
        `grant_type ${grantType} is not supported: use ${[...this.#grants.keys()].join(" or ")}`,
      );
    }
    // Both before the grant, which may use up an assertion or a device code: neither is used up for another server, or by a
    // wrong proof. That a proof is missing or replayed shows only after the grant, whose client is not known before:
    // strangers must not cause records of proofs.
    this.targets.assertResources(form.getAll("resource"));
    const proof = dpop === undefined
      ? undefined
      : await asOAuthError(this.proofs.verify(dpop, TARGET));
    const granted = await grant.authenticate(form, address);
    const { principal, sources, requireDpop } = granted.client;
    await checkedFor(holderAs(principal), async () => {
      if (!isAllowedFrom(sources, address)) throw unknownClient();
      if (requireDpop && proof === undefined) {
        throw new OAuthError(
          "invalid_dpop_proof",
          "this credential requires DPoP (RFC 9449): send a proof of your key in the header DPoP",
        );
      }
      if (proof !== undefined) await asOAuthError(this.proofs.use(proof));
    });
    return { ...granted, grantType, proof };
  }

  /** Issues an access token. It is on record before the client has it. */
  async grant(granted: TokenGrant): Promise<TokenAnswer> {
    const { token, expiresInSeconds } = await this.accessTokens.issue(granted);
    const { issuedTokenType, facts } = granted;
    const type = granted.proof === undefined ? "Bearer" : "DPoP";
    const { id, displayName: name, clientId, kind } = granted.client.principal;
    await this.audit.record({
      kind: "authentication",
      activity: activityOf(granted.grantType),
      user: { id, name, clientId, kind },
      facts: { expires_in: expiresInSeconds, token_type: type, ...facts },
    });
    return {
      access_token: token,
      ...issuedTokenType === undefined ? {} : { issued_token_type: issuedTokenType },
      token_type: type,
      expires_in: expiresInSeconds,
    };
  }
}

/** The result of a check of a proof. @throws OAuthError in place of PROOF_INVALID */
async function asOAuthError<T>(check: Promise<T>): Promise<T> {
  try {
    return await check;
  } catch (error) {
    const isOfProof = error instanceof DomainError && error.reason === "PROOF_INVALID";
    throw isOfProof ? new OAuthError("invalid_dpop_proof", error.message) : error;
  }
}

/** As C1 names it on record: `client_credentials`, `token_exchange`. */
function activityOf(grantType: string): string {
  return grantType.replace(/^urn:ietf:params:oauth:grant-type:/, "").replaceAll("-", "_");
}
