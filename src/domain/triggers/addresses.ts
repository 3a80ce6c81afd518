/** Names and addresses of triggers: each is that of one trigger. */
import type { Writers } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { ownHosts } from "../endpoints/own_hosts.ts";
import { DomainError } from "../errors.ts";

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
  const assertOwn = (value: string, found: TriggerRow | undefined, what: string) => {
    if (found === undefined || found.id === id) return;
    throw new DomainError(
      "TRIGGER_ALREADY_EXISTS",
      `Cannot use ${JSON.stringify(value)}: trigger ${found.id} has ${what}`,
    );
  };
  assertOwn(displayName, await tx.triggers.named(functionId, displayName), "this name");
  if (slug !== null) {
    assertOwn(slug, await tx.triggers.at("slug", slug), "this slug");
    const own = domain === undefined ? undefined : `${slug}.${domain}`;
    if (own !== undefined) {
      assertOwn(slug, await tx.triggers.at("host", own), `the host ${own}`);
    }
  }
  if (host !== null) {
    assertOwn(host, await tx.triggers.at("host", host), "this host");
    const below = ownHosts(domain, [])(host)?.slug;
    if (below === undefined) return;
    assertOwn(host, await tx.triggers.at("slug", below), `the slug ${below}`);
  }
}
