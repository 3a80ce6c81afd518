import { takesTokens } from "../api/discovery/documents.ts";
import type { Uses } from "../api/operation.ts";
import type { DomainError } from "../domain/errors.ts";
import { describable, PROOF_ALGORITHMS } from "../domain/identity/mod.ts";
import type { EndpointOptions } from "./endpoints/mod.ts";
import type { Challenge } from "./errors.ts";

const METADATA = "/.well-known/oauth-protected-resource";
/** Longer paths get the metadata of the whole server, so that the header stays short. */
const PATH_CHARS_MAX = 1024;

/**
 * Makes the challenges of requests without a valid access token. A request without a token learns the scheme, a wrong
 * token what is wrong (RFC 6750, section 3; RFC 9449, section 7.1). Each learns where the metadata of its URL is (RFC 9728,
 * section 5.1), unless its host is that of an endpoint, where every path is the function's.
 */
export function challengeOf(
  { issuer }: Uses<"issuer">,
  { publicOrigin, ownHosts }: Pick<EndpointOptions, "publicOrigin" | "ownHosts">,
): Challenge {
  return (error, { incoming, path: ownPath }) => {
    const host = ownHosts === undefined ? undefined : publicOrigin.hostOf(incoming);
    const isOwnHost = host !== undefined && ownHosts?.(host) !== undefined;
    const { pathname = "" } = URL.parse(issuer + ownPath) ?? {};
    const path = pathname.length > PATH_CHARS_MAX ? "" : pathname;
    const metadata = isOwnHost || !takesTokens(pathname)
      ? []
      : [`resource_metadata="${issuer}${METADATA}${path}"`];
    const isOfDpop = /^\s*dpop\b/i.test(incoming.headers.authorization ?? "");
    return challenges(error, isOfDpop, metadata).join(", ");
  };
}

/** @param isOfDpop whether the request has a token of the scheme DPoP @param shared parameters of every challenge */
function challenges(
  error: DomainError,
  isOfDpop: boolean,
  shared: readonly string[],
): readonly string[] {
  const bearer = 'Bearer realm="invoked"';
  const dpop = `DPoP algs="${PROOF_ALGORITHMS.join(" ")}"`;
  switch (error.reason) {
    case "TOKEN_MISSING":
      return [bearer, ...shared, dpop];
    case "PROOF_INVALID":
      return [dpop, ...described("invalid_dpop_proof", error), ...shared];
    case "PROOF_MISSING":
      return [dpop, ...described("invalid_token", error), ...shared];
    default:
      return [isOfDpop ? dpop : bearer, ...described("invalid_token", error), ...shared];
  }
}

function described(code: string, { message }: DomainError): readonly string[] {
  return [`error="${code}"`, `error_description="${describable(message)}"`];
}
