/** The token endpoint: chooses the grant of a request, and issues the token. */
import type { AccessTokens, Granted } from "./access_tokens.ts";
import { type Grant, OAuthError, required, unknownClient } from "./grants/grant.ts";
import { isAllowedFrom } from "./source_networks.ts";

/** RFC 6749, section 5.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
}

/** Exchanges what clients have for access tokens (RFC 6749). */
export class TokenEndpoint {
  readonly #grants: ReadonlyMap<string, Grant>;

  constructor(private readonly accessTokens: AccessTokens, grants: readonly Grant[]) {
    this.#grants = new Map(grants.map((grant) => [grant.type, grant]));
  }

  /** What the request of a form is granted. @param address of the client @throws OAuthError */
  async authenticate(form: URLSearchParams, address: string | undefined): Promise<Granted> {
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
    return granted;
  }

  /** Issues an access token. */
  async grant(granted: Granted): Promise<TokenAnswer> {
    const { token, expiresInSeconds } = await this.accessTokens.issue(granted);
    return { access_token: token, token_type: "Bearer", expires_in: expiresInSeconds };
  }
}
