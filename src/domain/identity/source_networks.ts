/** The networks from which a credential or a webhook may be used. */
import { DomainError } from "../errors.ts";
import { Networks, parseAddress } from "../../shared/networks.ts";

/**
 * The networks of a credential or a webhook; undefined for all addresses. Parsing takes longer than most checks of a token:
 * keep them.
 */
export type SourceNetworks = Networks | undefined;

/** @param cidrs networks in CIDR notation; empty for all addresses */
export function sourceNetworks(cidrs: readonly string[]): SourceNetworks {
  return cidrs.length === 0 ? undefined : new Networks(cidrs);
}

/** Whether networks have an address. */
export function isAllowedFrom(sources: SourceNetworks, address: string | undefined): boolean {
  if (sources === undefined) return true;
  const parsed = parseAddress(address);
  return parsed !== undefined && sources.has(parsed);
}

/** @throws SOURCE_NOT_ALLOWED */
export function assertSource(sources: SourceNetworks, address: string | undefined): void {
  if (isAllowedFrom(sources, address)) return;
  throw new DomainError(
    "SOURCE_NOT_ALLOWED",
    `Access token rejected: its client may not be used from ${address ?? "an unknown address"}`,
  );
}
