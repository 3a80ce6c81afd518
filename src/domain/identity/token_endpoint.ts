/** The token endpoint: chooses the grant of a request, and issues the token. */
import type { Audit } from "../audit/audit.ts";
import type { AccessTokens, Granted } from "./access_tokens.ts";
import { type Grant, OAuthError, required, unknownClient } from "./grants/grant.ts";
import { isAllowedFrom } from "./source_networks.ts";

/** RFC 6749, section 5.1, and RFC 8693, section 2.2.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly issued_token_type?: string;
  readonly token_type: "Bearer";
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
    grants: readonly Grant[],
    private readonly audit: Audit,
  ) {
    this.#grants = new Map(grants.map((grant) => [grant.type, grant]));
  }

  /** What the request of a form is granted. @param address of the client @throws OAuthError */
  async authenticate(form: URLSearchParams, address: string | undefined): Promise<TokenGrant> {
    try {
      return await this.#authenticate(form, address);
    } catch (error) {
      if (error instanceof OAuthError && !PENDING.includes(error.error)) {
        const clientId = form.get("client_id") ?? undefined;
        await this.audit.record({
          kind: "authentication",
          activity: form.get("grant_type") ?? "token",
          user: { clientId },
          rejected: error.record ?? { code: error.error, detail: error.description },
        });
      }
      throw error;
    }
  }

  async #authenticate(form: URLSearchParams, address: string | undefined): Promise<TokenGrant> {
    for (const name of new Set(form.keys())) {
      if (form.getAll(name).length > 1) {
        throw new OAuthError("invalid_request", `${name} is given more than once`);
      }
    }
    const grantType = required(form, "grant_type");
    const grant = this.#grants.get(grantType);
    if (grant === undefined) {
      throw new OAuthError(
        "unsupported_grant_type",
        `grant_type ${grantType} is not supported: use ${[...this.#grants.keys()].join(" or ")}`,
      );
    }
    const granted = await grant.authenticate(form, address);
    if (!isAllowedFrom(granted.client.allowSourceCidrs, address)) throw unknownClient();
    return { ...granted, grantType };
  }

  /** Issues an access token. It is on record before the client has it. */
  async grant(granted: TokenGrant): Promise<TokenAnswer> {
    const { token, expiresInSeconds } = await this.accessTokens.issue(granted);
    const { issuedTokenType, facts } = granted;
    const { id, displayName: name, clientId, kind } = granted.client.principal;
    await this.audit.record({
      kind: "authentication",
      activity: granted.grantType,
      user: { id, name, clientId, kind },
      facts: { expires_in: expiresInSeconds, ...facts },
    });
    return {
      access_token: token,
      ...issuedTokenType === undefined ? {} : { issued_token_type: issuedTokenType },
      token_type: "Bearer",
      expires_in: expiresInSeconds,
    };
  }
}
