import { createHash } from "node:crypto";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";
import { DomainError } from "../domain/errors.ts";
import type { Principal } from "../domain/identity/mod.ts";
import type { Env } from "./endpoint.ts";

/** Clients that are remembered; the one that was silent longest is forgotten, and so has a full bucket again. */
const BUCKETS_MAX = 10_000;

interface Bucket {
  tokens: number;
  /** Milliseconds on the clock of `performance.now`. */
  refilledAt: number;
}

/** One token bucket for each key: `burst` requests at once, then `perSecond` in the long run. */
export class TokenBuckets {
  /** In order of last use, oldest first. */
  readonly #buckets = new Map<string, Bucket>();
  readonly #perSecond: number;
  readonly #burst: number;

  constructor(limit: { readonly perSecond: number; readonly burst: number }) {
    this.#perSecond = limit.perSecond;
    this.#burst = limit.burst;
  }

  /** Takes a token. Answers 0, or the seconds after which there will be one. */
  take(key: string, now: number = performance.now()): number {
    const { tokens, refilledAt } = this.#buckets.get(key) ??
      { tokens: this.#burst, refilledAt: now };
    const filled = Math.min(this.#burst, tokens + (now - refilledAt) / 1000 * this.#perSecond);
    const left = filled >= 1 ? filled - 1 : filled;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: left, refilledAt: now });
    if (this.#buckets.size > BUCKETS_MAX) this.#forgetOldest();
    return filled >= 1 ? 0 : (1 - filled) / this.#perSecond;
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

/** Counts a request of a principal. @throws RATE_LIMITED */
export type ApiRateLimit = (by: Principal) => void;

/** Limits the requests to the API of each credential and of each function; a `perSecond` of 0 lets all through. */
export function apiRateLimit(
  limit: { readonly perSecond: number; readonly burst: number },
): ApiRateLimit {
  if (limit.perSecond === 0) return () => {};
  const buckets = new TokenBuckets(limit);
  return ({ clientId }) => {
    const seconds = buckets.take(clientId);
    if (seconds === 0) return;
    throw new DomainError(
      "RATE_LIMITED",
      `This client sends more than ${limit.perSecond} requests a second (--api-rate)`,
      { retryAfterSeconds: Math.ceil(seconds) },
    );
  };
}

/** Takes a token of a client id at the address that a request comes from; answers as {@link TokenBuckets.take}. */
export type TakeAtAddress = (c: Context<Env>, clientId: string) => number;

/** Limits the token requests of each client id and address, before their credentials are looked at. */
export function tokenRateLimit(perMinute: number): TakeAtAddress {
  const buckets = new TokenBuckets({ perSecond: perMinute / 60, burst: perMinute });
  return (c, clientId) => {
    const { remote } = getConnInfo(c);
    // Hashed, as it is the caller who chooses how long an id is.
    return buckets.take(
      createHash("sha256").update(`${remote.address ?? ""} ${clientId}`).digest("base64"),
    );
  };
}
