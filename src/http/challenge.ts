import type { Uses } from "../api/operation.ts";
import type { DomainError } from "../domain/errors.ts";
import type { EndpointOptions } from "./endpoints/mod.ts";
import type { Challenge } from "./errors.ts";

const METADATA = "/.well-known/oauth-protected-resource";
/** Longer paths get the metadata of the whole server, so that the header stays short. */
const PATH_CHARS_MAX = 1024;

/**
 * Makes the challenges of requests without a valid access token. A request without a token learns the scheme, a wrong
 * token what is wrong (RFC 6750, section 3); each learns where the metadata of its URL is (RFC 9728, section 5.1), unless
 * its host is that of an endpoint, where every path is the function's.
 */
export function challengeOf(
  { issuer }: Uses<"issuer">,
  { publicOrigin, ownHosts }: Pick<EndpointOptions, "publicOrigin" | "ownHosts">,
): Challenge {
  return (error, c) => {
    const { incoming } = c.env;
    const host = ownHosts === undefined ? undefined : publicOrigin.hostOf(incoming);
    const isOwnHost = host !== undefined && ownHosts?.(host) !== undefined;
    const { pathname = "" } = URL.parse(issuer + c.req.path) ?? {};
    const path = pathname.length > PATH_CHARS_MAX ? "" : pathname;
    return bearerChallenge(error, isOwnHost ? undefined : `${issuer}${METADATA}${path}`);
  };
}

function bearerChallenge(error: DomainError, metadata: string | undefined): string {
  return [
    'Bearer realm="invoked"',
    ...error.reason === "TOKEN_MISSING"
      ? []
      : ['error="invalid_token"', `error_description="${error.message}"`],
    ...metadata === undefined ? [] : [`resource_metadata="${metadata}"`],
  ].join(", ");
}
