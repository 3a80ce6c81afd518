/** Sends the requests of functions to C1 tenants. Whatever a tenant answers is hostile. */
import { formatCount, formatDuration } from "../config/mod.ts";
import { nestsDeeper } from "../shared/json_text.ts";
import { pause } from "../shared/pause.ts";
import {
  doubtAbout,
  operationLabel,
  type TenantAnswer,
  type TenantCredentials,
  TenantError,
  type TenantErrorCode,
  type TenantRequest,
  type TenantTransport,
} from "./contract.ts";
import type { Echoes } from "./echoes.ts";
import { type Exchange, ExchangeError, type HttpAnswer } from "./exchange.ts";
import { pauseAfterAnswer, pauseAfterError, retryAfterSeconds, WAIT_MAX_MS } from "./retries.ts";
import { type AccessToken, TenantTokens } from "./token.ts";

/** Largest answer to one request. */
export const TENANT_ANSWER_MAX_BYTES = 32 * 1024 * 1024;
/** Longest time for one request and its answer, in milliseconds. */
const TENANT_REQUEST_TIMEOUT_MS = 60_000;
/** Deepest nesting of an answer. */
const DEPTH_MAX_LEVELS = 1_000;
const PATH_MAX_CHARS = 65_536;
/** Path and query: no space, no control character, no host. */
const PATH = /^\/(?!\/)[\x21-\x7e]*$/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
/** Headers of an answer that leave the client: further ones may name the server, or its token. */
const PASSED_HEADERS = ["content-type", "retry-after"] as const;

/** What one call has done so far. */
interface Call {
  readonly request: TenantRequest;
  /** Such as `sdk.apps.list`, for messages. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  readonly endsAtMs: number;
  readonly beganMs: number;
  attempt: number;
  waitedMs: number;
  hasNonce: boolean;
}

/** A client of one tenant. @param exchange its connections */
export function tenantTransport(
  credentials: TenantCredentials,
  exchange: Exchange,
): TenantTransport {
  return new TenantClient(exchange, new TenantTokens(exchange, credentials));
}

class TenantClient implements TenantTransport {
  constructor(private readonly exchange: Exchange, private readonly tokens: TenantTokens) {}

  async send(
    request: TenantRequest,
    signal: AbortSignal,
    endsAtMs = Infinity,
  ): Promise<TenantAnswer> {
    const what = operationLabel(request.operation);
    if (request.path.length > PATH_MAX_CHARS || !PATH.test(request.path)) {
      throw new TypeError(`${what} has a path that no request can have`);
    }
    const call: Call = {
      request,
      what,
      signal,
      endsAtMs,
      beganMs: performance.now(),
      attempt: 0,
      waitedMs: 0,
      hasNonce: false,
    };
    for (;;) {
      const token = await this.tokens.current(what, signal);
      if (token === undefined) throw ended(call);
      const answer = await this.#sendOnce(call, token);
      if (answer !== undefined) return checked(call, answer, token.echoes);
    }
  }

  /** Sends the request once. Undefined if it is to be sent again. @throws {TenantError} */
  async #sendOnce(call: Call, token: AccessToken): Promise<HttpAnswer | undefined> {
    const { request: { access }, what } = call;
    call.attempt++;
    let answer: HttpAnswer;
    try {
      answer = await this.#exchange(call, token);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (call.signal.aborted) throw ended(call);
      const pauseMs = pauseAfterError(error, access, call.attempt);
      if (pauseMs === undefined || performance.now() + pauseMs >= call.endsAtMs) {
        const doubt = error.sent === "perhaps" ? doubtAbout(access) : "";
        throw new TenantError(error.code, `${what}: ${error.message}${doubt}`);
      }
      await pause(pauseMs, call.signal);
      return undefined;
    }
    this.tokens.keepNonce(answer);
    if (answer.status === 401) return this.#mayBeAccepted(call, token, answer) ? undefined : answer;
    const pauseMs = pauseAfterAnswer(answer, access, call.attempt);
    if (pauseMs === undefined) return answer;
    assertMayWait(call, answer, pauseMs);
    call.waitedMs += pauseMs;
    await pause(pauseMs, call.signal);
    return undefined;
  }

  /** Whether the tenant may accept the request once it is sent again: it has done nothing yet, even for a write. */
  #mayBeAccepted(call: Call, token: AccessToken, answer: HttpAnswer): boolean {
    if (this.tokens.asksForNonce(token, answer)) {
      if (call.hasNonce) return false;
      return call.hasNonce = true;
    }
    this.tokens.drop(token);
    // A token that was granted for this call is not renewed for it.
    return token.grantedAtMs < call.beganMs;
  }

  async #exchange(
    { request: { verb, path, body, access }, signal, endsAtMs }: Call,
    token: AccessToken,
  ): Promise<HttpAnswer> {
    const authentication = await this.tokens.headers(token, verb, path);
    return await this.exchange.send({
      verb,
      path,
      headers: {
        ...authentication,
        "accept": "application/json",
        ...body === undefined ? {} : { "content-type": "application/json" },
      },
      body,
      opensConnection: access === "WRITE",
      answerBytesMax: TENANT_ANSWER_MAX_BYTES,
      timeoutMs: Math.max(1, Math.min(TENANT_REQUEST_TIMEOUT_MS, endsAtMs - performance.now())),
    }, signal);
  }
}

/** @throws {TenantError} TENANT_RATE_LIMITED if the tenant asks for a longer wait than the call may have */
function assertMayWait(call: Call, answer: HttpAnswer, pauseMs: number): void {
  const leftMs = call.endsAtMs - performance.now();
  if (call.waitedMs + pauseMs <= WAIT_MAX_MS && pauseMs < leftMs) return;
  const limit = pauseMs < leftMs
    ? `the limit is ${formatDuration(WAIT_MAX_MS)} for each call`
    : "the invocation ends before";
  const seconds = retryAfterSeconds(answer.headers);
  throw new TenantError(
    "TENANT_RATE_LIMITED",
    `${call.what}: the tenant answered status ${answer.status} and asks to wait ${
      formatDuration(pauseMs)
    }; ${limit}`,
    seconds,
  );
}

/** An answer as a function may see it. @throws {TenantError} for what is not JSON of C1 */
function checked(call: Call, answer: HttpAnswer, echoes: Echoes): TenantAnswer {
  const { status, headers, body } = answer;
  const bad = (code: TenantErrorCode, why: string) =>
    error(call, code, `${why} (status ${status})${doubtAbout(call.request.access)}`);
  if (status >= 300 && status < 400) {
    throw bad("TENANT_REDIRECTED", "the tenant answered a redirect, which is not followed");
  }
  const type = headers["content-type"] ?? "";
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw bad("TENANT_NOT_JSON", "the tenant answered in a content encoding");
  }
  if (!JSON_TYPE.test(type)) {
    const shown = echoes.removedFrom(type).replace(/[^\x21-\x7e]+/g, " ").slice(0, 100);
    throw bad(
      "TENANT_NOT_JSON",
      type === ""
        ? "the tenant answered without a Content-Type"
        : `the tenant answered ${shown} instead of JSON`,
    );
  }
  if (nestsDeeper(body, DEPTH_MAX_LEVELS)) {
    const limit = `${formatCount(DEPTH_MAX_LEVELS)} levels`;
    throw bad("TENANT_ANSWER_TOO_LARGE", `the answer is nested deeper than ${limit}`);
  }
  const json = jsonIn(body);
  if (json === undefined) {
    throw bad("TENANT_NOT_JSON", "the answer is not JSON in UTF-8, or was cut");
  }
  const { text, value } = json;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad("TENANT_SCHEMA_CHANGED", "the answer is JSON, but not an object");
  }
  const passed = PASSED_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, echoes.removedFrom(value)] as const];
  });
  return { status, headers: Object.fromEntries(passed), body: echoes.removedFrom(text) };
}

/** A JSON value and its text; undefined for anything else. */
function jsonIn(body: Uint8Array): { readonly text: string; readonly value: unknown } | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function error({ what }: Call, code: TenantErrorCode, why: string): TenantError {
  return new TenantError(code, `${what}: ${why}`);
}

/** Nobody reads it: the invocation has ended. */
function ended(call: Call): TenantError {
  return error(call, "TENANT_TIMEOUT", "the invocation ended before the answer");
}
