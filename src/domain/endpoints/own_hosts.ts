/** Host names of endpoints: each is an origin of its own, with its own cookies and storage. */
import type { EndpointAddress } from "../triggers/endpoints.ts";

/** The address of the endpoint on a host; undefined for a host of the server. */
export type OwnHosts = (host: string) => EndpointAddress | undefined;

/**
 * @param domain the domain below which each slug is a host
 * @param hosts further hosts that a trigger may name
 */
export function ownHosts(domain: string | undefined, hosts: readonly string[]): OwnHosts {
  const suffix = domain === undefined ? undefined : `.${domain}`;
  return (host) => {
    // A dot at the end only says that the name is whole.
    const name = host.replace(/\.?(?::\d+)?$/, "");
    if (hosts.includes(name)) return { host: name };
    if (suffix === undefined || !name.endsWith(suffix)) return undefined;
    return { host: name, slug: name.slice(0, -suffix.length) };
  };
}
