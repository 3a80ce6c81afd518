/** The address policy of the egress proxy: the addresses to which functions may connect. */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Why an address is denied, in a word for the log; undefined for an allowed address. */
type AddressError = string | undefined;

/** Checks the text of one address from a resolver. */
export type AddressPolicy = (address: string) => AddressError;

/** Metadata services of clouds at addresses that look public. */
const METADATA_ADDRESSES = ["168.63.129.16"];

/** `ipaddr.js` calls more IPv6 addresses public than are: https://www.iana.org/assignments/ipv6-unicast-address-assignments. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];
const NAT64: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("64:ff9b::"), 96];

/** Readable names of ranges of `ipaddr.js`. */
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

/** A policy that denies all addresses that are not public, except for networks (`10.1.0.0/16`) of the operator. */
export function addressPolicy(allowedNetworks: readonly string[]): AddressPolicy {
  const allowed = allowedNetworks.map((network) => ipaddr.parseCIDR(network));
  const isAllowed = (address: Address) =>
    allowed.some(([network, bits]) =>
      network.kind() === address.kind() && address.match([network, bits] as never)
    );
  const check = (address: Address): AddressError => {
    if (isAllowed(address)) return undefined;
    const inner = address.kind() === "ipv6" ? embedded(address as ipaddr.IPv6) : undefined;
    if (inner === undefined) return errorOf(address);
    const error = check(inner);
    return error === undefined ? undefined : `${rangeName(address)} of ${error}`;
  };
  return (text) => {
    // A zone (`fe80::1%eth0`) selects an interface of this machine.
    if (text.includes("%") || !ipaddr.isValid(text)) return "no IP address";
    return check(ipaddr.parse(text));
  };
}

/** The IPv4 address in a translated IPv6 address. */
function embedded(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  if (address.match(NAT64)) return new ipaddr.IPv4(address.toByteArray().slice(-4));
  return undefined;
}

function errorOf(address: Address): AddressError {
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
