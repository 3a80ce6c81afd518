/** The scheme and host under which a client reached the server. */
import type { IncomingMessage } from "node:http";
import { invalid } from "../../domain/errors.ts";
import { trustedPeers } from "../client_address.ts";

const HOST = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Finds the origin of a request, such as `https://functions.example.com`. @throws INVALID_FIELD */
export type PublicOrigin = (incoming: IncomingMessage) => string;

/**
 * `--public-url` counts before all else. What `X-Forwarded-Proto` and `X-Forwarded-Host` say counts if a trusted proxy
 * says it, and otherwise the header `Host`.
 * @param url of the server
 */
export function publicOrigins(
  { url, publicUrl, trustedProxies }: {
    readonly url: string;
    readonly publicUrl: string | undefined;
    readonly trustedProxies: readonly string[];
  },
): PublicOrigin {
  if (publicUrl !== undefined) return () => publicUrl;
  const ownScheme = new URL(url).protocol.slice(0, -1);
  const isTrusted = trustedPeers(trustedProxies);
  return (incoming) => {
    const { headers } = incoming;
    const isForwarded = isTrusted(incoming);
    const proto = isForwarded ? lastOf(headers["x-forwarded-proto"]) : undefined;
    const scheme = proto === "http" || proto === "https" ? proto : ownScheme;
    const forwarded = isForwarded ? lastOf(headers["x-forwarded-host"]) : undefined;
    return `${scheme}://${hostOf(forwarded ?? headers.host)}`;
  };
}

/** The host of a request in lower case, with its port. @throws INVALID_FIELD */
export function hostOf(header: string | undefined): string {
  const host = (header ?? "").toLowerCase();
  if (HOST.test(host)) return host;
  throw invalid({ field: "Host", description: "is not a valid host name" });
}

/** The value that the nearest proxy added. */
function lastOf(header: string | readonly string[] | undefined): string | undefined {
  const text = typeof header === "string" ? header : header?.join(",");
  const last = text?.split(",").at(-1)?.trim().toLowerCase();
  return last === "" ? undefined : last;
}
