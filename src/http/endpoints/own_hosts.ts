/** Host names of endpoints: each is an origin of its own, with its own cookies and storage. */
import type { Header } from "../../domain/endpoints/client.ts";
import type { EndpointAddress } from "../../domain/endpoints/endpoints.ts";

/** The address of the endpoint on a host; undefined for a host of the server. */
export type OwnHosts = (host: string) => EndpointAddress | undefined;

/**
 * @param domain the domain below which each slug is a host
 * @param hosts further hosts that a trigger may name
 */
export function ownHosts(domain: string | undefined, hosts: readonly string[]): OwnHosts {
  const suffix = domain === undefined ? undefined : `.${domain}`;
  return (host) => {
    const name = host.replace(/:\d+$/, "");
    if (hosts.includes(name)) return { host: name };
    if (suffix === undefined || !name.endsWith(suffix)) return undefined;
    return { host: name, slug: name.slice(0, -suffix.length) };
  };
}

/** What the server's own answers have, and a function decides on a host of its own. */
export const HEADERS_OF_SERVER = [
  "Content-Security-Policy",
  "Referrer-Policy",
  "X-Content-Type-Options",
] as const;

/** The headers of a function on a host of its own: its cookies are those of that host alone. */
export function ownHeaders(headers: readonly Header[]): Header[] {
  return headers.map(([name, value]) => [
    name,
    name.toLowerCase() === "set-cookie" ? value.replace(/;\s*domain\s*=[^;]*/gi, "") : value,
  ]);
}
