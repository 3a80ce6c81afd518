import ipaddr from "ipaddr.js";
import type { WebhookSettings } from "./settings.ts";

/** Whether the networks of a webhook have the address of a sender; without networks, every address may send. */
export function isAllowedSource(
  { allowSourceCidrs }: WebhookSettings,
  remoteAddress: string | undefined,
): boolean {
  if (allowSourceCidrs.length === 0) return true;
  const address = remoteAddress === undefined ? undefined : ipaddr.process(remoteAddress);
  return address !== undefined && allowSourceCidrs.some((cidr) => {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    return network.kind() === address.kind() && address.match([network, bits] as never);
  });
}
