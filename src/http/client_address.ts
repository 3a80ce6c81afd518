import type { IncomingMessage } from "node:http";
import { isIP, type Socket } from "node:net";
import ipaddr from "ipaddr.js";
import { forwardedElements, headerList } from "./forwarded.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Hops of one header that are read, from the server on. Beyond them the address of the last one counts. */
const HOPS_MAX = 32;
/** An address with an optional port, which may be obfuscated: IPv6 in brackets. */
const NODE = /^(?:([0-9.]+)|\[([0-9a-f:.]+)\])(?::(?:\d{1,5}|_[\w.-]+))?$/i;

/** The address of the client of a request; undefined for a connection that is gone. */
export type ClientAddress = (incoming: IncomingMessage) => string | undefined;

/**
 * Finds the addresses of clients. What `Forwarded` and `X-Forwarded-For` say counts as far as trusted proxies said it:
 * the client is the last hop, read from the server on, that is no trusted proxy. A hop that names no address ends the
 * search at the proxy that reported it. Headers that lead to different clients count nothing, because a proxy may
 * pass the one on that it does not write.
 *
 * @param trustedProxies networks in CIDR notation
 */
export function clientAddresses(trustedProxies: readonly string[]): ClientAddress {
  const isTrusted = trustIn(trustedProxies);
  return ({ socket, headers }) => {
    const peer = peerOf(socket);
    if (peer === undefined || !isTrusted(peer)) return peer?.toString();
    const forwarded = lastUntrusted(
      peer,
      hopsOfForwarded(headerList(headers.forwarded)),
      isTrusted,
    );
    const listed = lastUntrusted(
      peer,
      hopsOfList(headerList(headers["x-forwarded-for"])),
      isTrusted,
    );
    const [client = peer, other = client] = [forwarded, listed].filter((hop) => hop !== undefined);
    return (client.toString() === other.toString() ? client : peer).toString();
  };
}

/** Whether a request comes from a trusted proxy. @param trustedProxies networks in CIDR notation */
export function trustedPeers(
  trustedProxies: readonly string[],
): (incoming: IncomingMessage) => boolean {
  const isTrusted = trustIn(trustedProxies);
  return ({ socket }) => {
    const peer = peerOf(socket);
    return peer !== undefined && isTrusted(peer);
  };
}

/** Parsed once for all requests of a connection. */
const peers = new WeakMap<Socket, Address>();

function peerOf(socket: Socket): Address | undefined {
  const known = peers.get(socket);
  if (known !== undefined) return known;
  const peer = parseAddress(socket.remoteAddress);
  if (peer !== undefined) peers.set(socket, peer);
  return peer;
}

function trustIn(trustedProxies: readonly string[]): (address: Address) => boolean {
  const networks = trustedProxies.map((network) => ipaddr.parseCIDR(network));
  return (address) =>
    networks.some(([network, bits]) =>
      network.kind() === address.kind() && address.match(network, bits)
    );
}

/**
 * Walks from the server to the client.
 * @param hops the nearest first, undefined for one without an address
 * @returns undefined without any hop
 */
function lastUntrusted(
  peer: Address,
  hops: Iterable<Address | undefined>,
  isTrusted: (address: Address) => boolean,
): Address | undefined {
  let count = 0;
  let last: Address | undefined;
  for (const hop of hops) {
    last ??= peer;
    if (hop === undefined || count++ === HOPS_MAX) return last;
    last = hop;
    if (!isTrusted(hop)) return hop;
  }
  return last;
}

/** The hops of a header `Forwarded`, the nearest first. */
function* hopsOfForwarded(header: string): Generator<Address | undefined> {
  for (const element of forwardedElements(header)) {
    const node = element?.get("for");
    yield node === undefined ? undefined : parseNode(node);
  }
}

/** The hops of a header `X-Forwarded-For`, the nearest first. */
function* hopsOfList(header: string): Generator<Address | undefined> {
  for (const element of header.split(",").reverse()) {
    const text = element.trim();
    if (text !== "") yield parseAddress(text) ?? parseNode(text);
  }
}

function parseNode(text: string): Address | undefined {
  const [, ipv4, ipv6] = NODE.exec(text) ?? [];
  return parseAddress(ipv4 ?? ipv6);
}

/** An IPv4 address that is embedded in IPv6 is the IPv4 address. */
function parseAddress(text: string | undefined): Address | undefined {
  // Unlike ipaddr.js, isIP accepts neither octal nor shortened forms.
  return text === undefined || isIP(text) === 0 ? undefined : ipaddr.process(text);
}
