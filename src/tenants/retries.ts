/** When a request to a tenant is sent again. */
import { backoffMs } from "../shared/backoff.ts";
import type { TenantAccess } from "./contract.ts";
import type { ExchangeError, HttpAnswer } from "./exchange.ts";

/** Most times that one call is sent. */
const ATTEMPTS_MAX = 4;
/** Longest time that one call waits between its attempts, as the tenant asks for. */
export const WAIT_MAX_MS = 60_000;
const BACKOFF = { initialMs: 200, maxMs: 2_000 };

/** What gateways answer while the tenant is away. */
const AWAY_STATUSES = [502, 503, 504];

/** A date as RFC 9110 has it in section 5.6.7. `Date.parse` also takes `1.5` or `soon 5` for one. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** The wish of an answer to be asked later, in whole seconds (RFC 9110, section 10.2.3); undefined without one. */
export function retryAfterSeconds(headers: HttpAnswer["headers"]): number | undefined {
  const text = headers["retry-after"];
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  const time = HTTP_DATE.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : Math.max(0, Math.ceil((time - Date.now()) / 1000));
}

/** The pause before the request is sent again, in milliseconds; undefined if it must not be. */
export function pauseAfterError(
  { sent, mayPass }: ExchangeError,
  access: TenantAccess,
  attempt: number,
): number | undefined {
  // A write that the tenant may have read is never repeated.
  const isHarmless = sent === "nothing" || access === "READ";
  return mayPass && isHarmless && attempt < ATTEMPTS_MAX ? backoffMs(BACKOFF, attempt) : undefined;
}

/**
 * The pause before the request is sent again, in milliseconds; undefined if the answer counts. A tenant that answers 429
 * has rejected the request, so that a write is repeated, too.
 */
export function pauseAfterAnswer(
  { status, headers }: HttpAnswer,
  access: TenantAccess,
  attempt: number,
): number | undefined {
  const isRejected = status === 429;
  const mayRepeat = isRejected || AWAY_STATUSES.includes(status) && access === "READ";
  if (!mayRepeat || attempt >= ATTEMPTS_MAX) return undefined;
  const seconds = isRejected || status === 503 ? retryAfterSeconds(headers) : undefined;
  return seconds === undefined ? backoffMs(BACKOFF, attempt) : 1000 * seconds;
}
