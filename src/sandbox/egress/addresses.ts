/** The address policy of the egress proxy: which addresses a function may be connected to. */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Why an address is refused, in a word for the log, or undefined where it may be connected to. */
export type AddressFault = string | undefined;

/** Decides over addresses. */
export interface AddressPolicy {
  /** Judges the text of one address, as a resolver gives it. */
  fault(address: string): AddressFault;
}

/** Serve the configuration of a cloud's machines to whoever asks from inside, at addresses that look public. */
const METADATA_ADDRESSES = ["168.63.129.16"];

/** What `ipaddr.js` calls public but is not: https://www.iana.org/assignments/ipv6-unicast-address-assignments. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];
const NAT64: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("64:ff9b::"), 96];

/** Names of the ranges of `ipaddr.js`, where theirs says less. */
const RANGE_NAMES: Readonly<Record<string, string>> = {
  linkLocal: "link-local",
  carrierGradeNat: "carrier-grade NAT",
  uniqueLocal: "unique local",
  ipv4Mapped: "IPv4-mapped",
  rfc6145: "IPv4-translated",
  rfc6052: "NAT64",
  segmentRouting: "segment routing",
  deprecatedSiteLocal: "site-local",
};

/** A policy that refuses all that is not public, but for the networks (`10.1.0.0/16`) that the operator opened. */
export function addressPolicy(openedNetworks: readonly string[]): AddressPolicy {
  const opened = openedNetworks.map((network) => ipaddr.parseCIDR(network));
  const isOpened = (address: Address) =>
    opened.some(([network, bits]) =>
      network.kind() === address.kind() && address.match([network, bits] as never)
    );
  const judge = (address: Address): AddressFault => {
    if (isOpened(address)) return undefined;
    const inner = address.kind() === "ipv6" ? embedded(address as ipaddr.IPv6) : undefined;
    if (inner === undefined) return faultOf(address);
    const fault = judge(inner);
    return fault === undefined ? undefined : `${rangeName(address)} of ${fault}`;
  };
  return {
    fault(text) {
      // A zone (`fe80::1%eth0`) names an interface of this machine.
      if (text.includes("%") || !ipaddr.isValid(text)) return "no IP address";
      return judge(ipaddr.parse(text));
    },
  };
}

/** The IPv4 address that a translated IPv6 address leads to. */
function embedded(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  if (address.match(NAT64)) return new ipaddr.IPv4(address.toByteArray().slice(-4));
  return undefined;
}

function faultOf(address: Address): AddressFault {
  if (METADATA_ADDRESSES.includes(address.toString())) return "metadata";
  const range = address.range();
  if (range !== "unicast") return rangeName(address);
  if (address.kind() === "ipv4") return undefined;
  return (address as ipaddr.IPv6).match(GLOBAL_UNICAST) ? undefined : "reserved";
}

function rangeName(address: Address): string {
  const range = address.range();
  return RANGE_NAMES[range] ?? range;
}
