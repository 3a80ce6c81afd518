/** The networks from which a credential may be used. */
import { DomainError } from "../errors.ts";
import { Networks, parseAddress } from "../../shared/networks.ts";

/** Whether a credential may be used from an address. @param cidrs empty for all addresses */
export function isAllowedFrom(cidrs: readonly string[], address: string | undefined): boolean {
  if (cidrs.length === 0) return true;
  const parsed = parseAddress(address);
  return parsed !== undefined && new Networks(cidrs).has(parsed);
}

/** @throws SOURCE_NOT_ALLOWED */
export function assertSource(cidrs: readonly string[], address: string | undefined): void {
  if (isAllowedFrom(cidrs, address)) return;
  throw new DomainError(
    "SOURCE_NOT_ALLOWED",
    `Access token rejected: its client may not be used from ${address ?? "an unknown address"}`,
  );
}
