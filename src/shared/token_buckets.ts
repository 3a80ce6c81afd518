/** Limits of rates by key, and the key of limits by address. */
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "./entries.ts";

/** Keys with a bucket. Beyond it the least recent key loses its bucket, and starts with a full bucket. */
const BUCKETS_MAX = 10_000;

/** The part of a limit that counts here; the other nodes have the remaining parts. */
export interface Share {
  readonly share: number;
}

interface Bucket {
  tokens: number;
  /** Milliseconds on the clock of `performance.now`. */
  refilledAt: number;
}

/** One token bucket for each key: `burst` requests at once, then `perSecond` in the long run. */
export class TokenBuckets {
  readonly #buckets = new LRUCache<string, Bucket>(entriesUpTo(BUCKETS_MAX));
  readonly #perSecond: number;
  readonly #burst: number;

  /** @param node has a share of the limit, which is one of all nodes together; all of it if absent */
  constructor(
    limit: { readonly perSecond: number; readonly burst: number },
    private readonly node: Share = { share: 1 },
  ) {
    this.#perSecond = limit.perSecond;
    this.#burst = limit.burst;
  }

  /** Takes a token. Answers 0, or the seconds until a token is available. */
  take(key: string, now: number = performance.now()): number {
    const { share } = this.node;
    // Less than one token would let no request through.
    const burst = Math.max(1, this.#burst * share);
    const perSecond = this.#perSecond * share;
    const { tokens, refilledAt } = this.#buckets.get(key) ?? { tokens: burst, refilledAt: now };
    const filled = Math.min(burst, tokens + (now - refilledAt) / 1000 * perSecond);
    const left = filled >= 1 ? filled - 1 : filled;
    this.#buckets.set(key, { tokens: left, refilledAt: now });
    return filled >= 1 ? 0 : (1 - filled) / perSecond;
  }
}

/** Groups of 16 bits of an IPv6 address that one customer of a network has: a network of /64. */
const IPV6_NETWORK_GROUPS = 4;

/** The key of limits by address: an IPv4 address, or the network of an IPv6 address. One host has all addresses of that. */
export function senderOf(address = ""): string {
  if (!address.includes(":") || !ipaddr.IPv6.isValid(address)) return address;
  return ipaddr.IPv6.parse(address).parts.slice(0, IPV6_NETWORK_GROUPS).join(":");
}
