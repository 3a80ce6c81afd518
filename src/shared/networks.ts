/** Addresses and networks of the internet protocol. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An address; undefined for other text. An IPv4 address that is embedded in IPv6 is the IPv4 address. */
export function parseAddress(text: string | undefined): Address | undefined {
  // Unlike ipaddr.js, isIP accepts neither octal nor shortened forms.
  return text === undefined || isIP(text) === 0 ? undefined : ipaddr.process(text);
}

/** Bits of the prefix of IPv6 under which IPv4 addresses are embedded. */
const EMBEDDED_BITS = 96;

/**
 * A network in CIDR notation as this server keeps networks: without host bits, a plain address as a network of its own, and
 * IPv4 that is embedded in IPv6 as IPv4. Undefined for other text.
 */
export function normalNetwork(text: string): string | undefined {
  const [host = "", prefix, ...rest] = text.split("/");
  const version = isIP(host);
  const hasZone = host.includes("%");
  const isPrefix = prefix === undefined || /^\d{1,3}$/.test(prefix);
  if (version === 0 || hasZone || rest.length > 0 || !isPrefix) return undefined;
  const written = ipaddr.parse(host);
  const whole = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? whole : Number(prefix);
  if (bits > whole) return undefined;
  if (written instanceof ipaddr.IPv4) {
    return `${ipaddr.IPv4.networkAddressFromCIDR(`${host}/${bits}`)}/${bits}`;
  }
  if (written.isIPv4MappedAddress() && bits >= EMBEDDED_BITS) {
    return normalNetwork(`${written.toIPv4Address()}/${bits - EMBEDDED_BITS}`);
  }
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${written}/${bits}`)}/${bits}`;
}

/** A set of networks. */
export class Networks {
  readonly #networks: readonly [Address, number][];

  /** @param networks in CIDR notation */
  constructor(networks: readonly string[]) {
    this.#networks = networks.map((network) => ipaddr.parseCIDR(network));
  }

  has(address: Address): boolean {
    return this.#networks.some(([network, bits]) =>
      network.kind() === address.kind() && address.match(network, bits)
    );
  }

  /** Whether one of the networks contains all of a network in CIDR notation. */
  includes(other: string): boolean {
    const [address, prefix] = ipaddr.parseCIDR(other);
    return this.#networks.some(([network, bits]) =>
      network.kind() === address.kind() && bits <= prefix && address.match(network, bits)
    );
  }
}
