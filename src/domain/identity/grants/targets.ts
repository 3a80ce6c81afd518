/** What a token is for: the resources and audiences that a request names (RFC 8707; RFC 8693, section 2.1). */
import { quoted } from "../../../config/mod.ts";
import { OAuthError } from "./grant.ts";

/** Checks what requests want tokens for: access tokens are for this server alone. */
export class TokenTargets {
  /**
   * @param isServed whether a URL has an origin of the server, or of one of its endpoints
   * @param names of the server, besides its URLs
   */
  constructor(
    private readonly isServed: (url: URL) => boolean,
    private readonly names: readonly string[],
  ) {}

  /**
   * Checks the resources of any request for a token. A resource without a value counts as absent (RFC 6749, section 3.2).
   * @throws OAuthError `invalid_target`
   */
  assertResources(resources: readonly string[]): void {
    const other = resources.find((one) => one !== "" && (one.includes("#") || !this.#isUrl(one)));
    if (other !== undefined) throw notOfServer("resource", other, "no URL");
  }

  /**
   * Checks the audiences of a token exchange; no other grant has the parameter.
   * @throws OAuthError `invalid_target`
   */
  assertAudiences(audiences: readonly string[]): void {
    const other = audiences.find((one) =>
      one !== "" && !this.names.includes(one) && !this.#isUrl(one)
    );
    if (other !== undefined) throw notOfServer("audience", other, "neither a name nor a URL");
  }

  #isUrl(text: string): boolean {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && this.isServed(url);
  }
}

function notOfServer(name: string, value: string, what: string): OAuthError {
  return new OAuthError(
    "invalid_target",
    `${name} ${quoted(value)} is ${what} of this server: its access tokens are for itself alone`,
  );
}
