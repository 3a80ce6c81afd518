/** Addresses and networks of the internet protocol. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An address; undefined for other text. An IPv4 address that is embedded in IPv6 is the IPv4 address. */
export function parseAddress(text: string | undefined): Address | undefined {
  // Unlike ipaddr.js, isIP accepts neither octal nor shortened forms.
  return text === undefined || isIP(text) === 0 ? undefined : ipaddr.process(text);
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
}
