/** Names and addresses of triggers: each is that of one trigger. */
import type { Writers } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { DomainError } from "../errors.ts";

/** Where a request was sent: to a path, or to a host of its own, which may contain the slug. */
export type EndpointAddress =
  | { readonly slug: string; readonly host?: string }
  | { readonly slug?: string; readonly host: string };

/** The address of the endpoint on a host, which is an origin with cookies and storage apart from others; undefined for a host of the server. */
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

/**
 * Asserts that its name, slug and host are no other's.
 * @param domain below which the slug of each endpoint is a host (--endpoint-domain)
 * @throws TRIGGER_ALREADY_EXISTS
 */
export async function assertFree(
  tx: Writers,
  { id, functionId, displayName, slug, host }: TriggerRow,
  domain: string | undefined,
): Promise<void> {
  const assertOwn = (
    field: string,
    value: string,
    found: TriggerRow | undefined,
    what: string,
  ) => {
    if (found === undefined || found.id === id) return;
    const used = `trigger ${found.id} has ${what}`;
    throw new DomainError(
      "TRIGGER_ALREADY_EXISTS",
      `${JSON.stringify(value)} is taken: ${used}`,
      {
        violations: [{
          field: `trigger.${field}`,
          description: `${JSON.stringify(value)} is taken: ${used}; choose another`,
        }],
      },
    );
  };
  assertOwn(
    "displayName",
    displayName,
    await tx.triggers.named(functionId, displayName),
    "this name",
  );
  if (slug !== null) {
    assertOwn("http.slug", slug, await tx.triggers.at("slug", slug), "this slug");
    const own = domain === undefined ? undefined : `${slug}.${domain}`;
    if (own !== undefined) {
      assertOwn("http.slug", slug, await tx.triggers.at("host", own), `the host ${own}`);
    }
  }
  if (host !== null) {
    assertOwn("http.host", host, await tx.triggers.at("host", host), "this host");
    const below = ownHosts(domain, [])(host)?.slug;
    if (below === undefined) return;
    assertOwn("http.host", host, await tx.triggers.at("slug", below), `the slug ${below}`);
  }
}
