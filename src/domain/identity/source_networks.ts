/** The networks from which a credential may be used. */
import { DomainError } from "../errors.ts";
import { Networks, parseAddress } from "../../shared/networks.ts";

/** The networks of a credential; undefined for all addresses. Parsing takes longer than most checks of a token: keep them. */
export type SourceNetworks = Networks | undefined;

/** @param json the column of a row: an array of networks in CIDR notation, empty for all addresses */
export function sourceNetworks(json: string): SourceNetworks {
  const cidrs = JSON.parse(json) as string[];
  return cidrs.length === 0 ? undefined : new Networks(cidrs);
}

/** Whether a credential may be used from an address. */
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
