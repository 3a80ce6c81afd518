import { countOf, formatCount } from "../config/mod.ts";
import { DomainError } from "../domain/errors.ts";
import type { Principal } from "../domain/identity/mod.ts";
import { senderOf, type Share, TokenBuckets } from "../shared/token_buckets.ts";

/** Counts a request of a principal. @throws RATE_LIMITED */
export type ApiRateLimit = (by: Principal) => void;

/** Limits the requests to the API of each credential and of each function; a `perSecond` of 0 lets all through. */
export function apiRateLimit(
  limit: { readonly perSecond: number; readonly burst: number },
  node?: Share,
): ApiRateLimit {
  if (limit.perSecond === 0) return () => {};
  const buckets = new TokenBuckets(limit, node);
  const rate = `${countOf(limit.perSecond, "request")} per second (--api-rate)`;
  return ({ clientId }) =>
    assertNoWait(
      buckets.take(clientId),
      () => `Request rate exceeded: this client may send ${rate}`,
    );
}

/** @param seconds how long to wait; 0 for a request within its limit @throws RATE_LIMITED */
function assertNoWait(seconds: number, message: () => string): void {
  if (seconds === 0) return;
  throw new DomainError("RATE_LIMITED", message(), { retryAfterSeconds: Math.ceil(seconds) });
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
    assertNoWait(seconds, () => {
      const most = countOf(this.perSecond, "delivery", "deliveries");
      return `Delivery rate exceeded: ${what} ${most} per second (--webhook-rate)`;
    });
  }
}

/**
 * Limits the token requests of each client at each address, and the wrong ones and the sign-ins of each address. A wrong
 * request counts against its address alone, not against the client that it names.
 */
export class TokenRateLimit {
  readonly #granted: TokenBuckets | undefined;
  readonly #failed: TokenBuckets | undefined;
  readonly #signIns: TokenBuckets | undefined;

  /** @param perMinute 0 lets all through */
  constructor(readonly perMinute: number, node?: Share) {
    if (perMinute === 0) return;
    const limit = { perSecond: perMinute / 60, burst: perMinute };
    this.#granted = new TokenBuckets(limit, node);
    this.#failed = new TokenBuckets(limit, node);
    this.#signIns = new TokenBuckets(limit, node);
  }

  /** Counts a request with right credentials. Answers 0, or the seconds after which to try again. */
  countGranted(address: string | undefined, { clientId }: Pick<Principal, "clientId">): number {
    return this.#granted?.take(`${senderOf(address)} ${clientId}`) ?? 0;
  }

  /** Counts a request that fails. Answers 0, or the seconds after which to try again. */
  countFailed(address: string | undefined): number {
    return this.#failed?.take(senderOf(address)) ?? 0;
  }

  /** Counts a wrong access token or API key, together with the requests that fail. @throws RATE_LIMITED */
  countWrongToken(address: string | undefined): void {
    assertNoWait(
      this.countFailed(address),
      () =>
        "Too many wrong access tokens: this address sent more than " +
        `${this.#most} wrong tokens and token requests a minute (--token-rate)`,
    );
  }

  /** Counts a wrong code or assertion, together with the requests that fail. @throws RATE_LIMITED */
  countWrongCode(address: string | undefined): void {
    assertNoWait(
      this.countFailed(address),
      () =>
        "Too many attempts to sign in: this address sent more than " +
        `${this.#most} wrong codes and token requests a minute (--token-rate)`,
    );
  }

  /** Counts a browser that begins to sign in with the provider. @throws RATE_LIMITED */
  countSignIn(address: string | undefined): void {
    assertNoWait(
      this.#signIns?.take(senderOf(address)) ?? 0,
      () =>
        "Too many attempts to sign in: this address began more than " +
        `${this.#most} sign-ins a minute (--token-rate)`,
    );
  }

  get #most(): string {
    return formatCount(this.perMinute);
  }
}

/** Tests of conditions and tokens that a principal may run at once, and then in each second. */
const TESTS_AT_ONCE = 5;
const TESTS_PER_SECOND = 1;

/** Limits the tests of workload federation of each principal: one takes as long as some hundred other requests. */
export class FederationTestLimit {
  readonly #buckets: TokenBuckets;

  constructor(node?: Share) {
    this.#buckets = new TokenBuckets({ perSecond: TESTS_PER_SECOND, burst: TESTS_AT_ONCE }, node);
  }

  /** @throws RATE_LIMITED */
  count({ id }: Pick<Principal, "id">): void {
    assertNoWait(
      this.#buckets.take(id),
      () =>
        "Too many tests of conditions and tokens: this principal may run " +
        `${countOf(TESTS_AT_ONCE, "test")} at once, then ${
          countOf(TESTS_PER_SECOND, "test")
        } per second`,
    );
  }
}

/** Requests with a user code that a principal may send in a minute, and those from one address. */
const GUESSES_OF_PRINCIPAL = 20;
const GUESSES_OF_ADDRESS = 60;

/**
 * Limits the requests with user codes of devices, which are short: those of each principal, and those of each address.
 * Right codes count, too: otherwise the answers beyond the limit would still show which code is right.
 */
export class DeviceGuessLimit {
  readonly #ofPrincipals: TokenBuckets;
  readonly #ofAddresses: TokenBuckets;

  constructor(node?: Share) {
    const buckets = (perMinute: number) =>
      new TokenBuckets({ perSecond: perMinute / 60, burst: perMinute }, node);
    this.#ofPrincipals = buckets(GUESSES_OF_PRINCIPAL);
    this.#ofAddresses = buckets(GUESSES_OF_ADDRESS);
  }

  /** @throws RATE_LIMITED */
  count({ id }: Pick<Principal, "id">, address: string | undefined): void {
    this.#assert(this.#ofAddresses.take(senderOf(address)), "address", GUESSES_OF_ADDRESS);
    this.#assert(this.#ofPrincipals.take(id), "principal", GUESSES_OF_PRINCIPAL);
  }

  #assert(seconds: number, what: string, perMinute: number): void {
    assertNoWait(
      seconds,
      () => `Too many codes of devices: this ${what} may send ${formatCount(perMinute)} a minute`,
    );
  }
}
