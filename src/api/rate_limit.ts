import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";
import { countOf } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import type { Principal } from "../domain/identity/mod.ts";
import { entriesUpTo } from "../shared/entries.ts";

/** Clients with a bucket. Beyond it the least recent client loses its bucket, and starts with a full bucket. */
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

/** Counts a request of a principal. @throws RATE_LIMITED */
export type ApiRateLimit = (by: Principal) => void;

/** Limits the requests to the API of each credential and of each function; a `perSecond` of 0 lets all through. */
export function apiRateLimit(
  limit: { readonly perSecond: number; readonly burst: number },
  node?: Share,
): ApiRateLimit {
  if (limit.perSecond === 0) return () => {};
  const buckets = new TokenBuckets(limit, node);
  return ({ clientId }) => {
    const seconds = buckets.take(clientId);
    if (seconds === 0) return;
    throw new DomainError(
      "RATE_LIMITED",
      `Request rate exceeded: this client may send ${
        countOf(limit.perSecond, "request")
      } per second (--api-rate)`,
      { retryAfterSeconds: Math.ceil(seconds) },
    );
  };
}

/**
 * Limits the deliveries of each address, before the server reads them, and the deliveries to each webhook URL, after
 * authentication: strangers cannot use up the limit of a sender.
 */
export class WebhookRateLimit {
  readonly #ofAddresses: TokenBuckets | undefined;
  readonly #ofWebhookUrls: TokenBuckets | undefined;

  /** @param perSecond 0 lets all through; twice as many may come at once */
  constructor(readonly perSecond: number, node?: Share) {
    if (perSecond === 0) return;
    const limit = { perSecond, burst: 2 * perSecond };
    this.#ofAddresses = new TokenBuckets(limit, node);
    this.#ofWebhookUrls = new TokenBuckets(limit, node);
  }

  /** @throws RATE_LIMITED */
  countAddress(address: string | undefined): void {
    this.#assert(this.#ofAddresses?.take(senderOf(address)), "this address may send");
  }

  /** @throws RATE_LIMITED */
  countWebhookUrl(listenerId: string): void {
    this.#assert(this.#ofWebhookUrls?.take(listenerId), "this webhook accepts");
  }

  #assert(seconds = 0, what: string): void {
    if (seconds === 0) return;
    throw new DomainError(
      "RATE_LIMITED",
      `Delivery rate exceeded: ${what} ${
        countOf(this.perSecond, "delivery", "deliveries")
      } per second (--webhook-rate)`,
      { retryAfterSeconds: Math.ceil(seconds) },
    );
  }
}

/**
 * Limits the token requests of each client at each address, and the wrong ones of each address. A wrong request counts
 * against its address alone, not against the client that it names.
 */
export class TokenRateLimit {
  readonly #granted: TokenBuckets | undefined;
  readonly #failed: TokenBuckets | undefined;

  /** @param perMinute 0 lets all through */
  constructor(readonly perMinute: number, node?: Share) {
    if (perMinute === 0) return;
    const limit = { perSecond: perMinute / 60, burst: perMinute };
    this.#granted = new TokenBuckets(limit, node);
    this.#failed = new TokenBuckets(limit, node);
  }

  /** Counts a request with right credentials. Answers 0, or the seconds after which to try again. */
  countGranted(address: string | undefined, { clientId }: Principal): number {
    return this.#granted?.take(`${senderOf(address)} ${clientId}`) ?? 0;
  }

  /** Counts a request that fails. Answers 0, or the seconds after which to try again. */
  countFailed(address: string | undefined): number {
    return this.#failed?.take(senderOf(address)) ?? 0;
  }
}
