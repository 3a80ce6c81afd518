/** Sends the requests of functions to C1 tenants. Whatever a tenant answers is hostile. */
import { formatDuration } from "../config/mod.ts";
import { pause } from "../shared/pause.ts";
import { objectIn } from "./answer_json.ts";
import { TENANT_ANSWER_MAX_BYTES } from "./connections.ts";
import {
  doubtAbout,
  operationLabel,
  type SendOptions,
  type TenantAnswer,
  type TenantCredentials,
  TenantError,
  type TenantErrorCode,
  type TenantRequest,
  type TenantTransport,
} from "./contract.ts";
import type { Echoes } from "./echoes.ts";
import {
  type Exchange,
  ExchangeError,
  type ExchangeTime,
  type HttpAnswer,
  withinTime,
} from "./exchange.ts";
import { pauseAfterAnswer, pauseAfterError, retryAfterSeconds, WAIT_MAX_MS } from "./retries.ts";
import { type AccessToken, TenantTokens } from "./token.ts";

/** Longest time for one request and its answer, in milliseconds. */
const TENANT_REQUEST_TIMEOUT_MS = 60_000;
/**
 * A call ends before its invocation, so that the function can handle the error: by this part of what is left of the invocation
 * when the call begins, and at most by so many milliseconds.
 */
const HANDLING_PART = 1 / 5;
const HANDLING_MAX_MS = 5_000;
/** What bounds a call that may not last until its own limits. */
const LEFT = "what the timeout of the function leaves for the call";
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
  /** On the clock of `performance.now()`, before the end of the invocation. */
  readonly endsAtMs: number;
  readonly caller: string;
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
    { endsAtMs = Infinity, caller = "", held }: SendOptions = {},
  ): Promise<TenantAnswer> {
    const what = operationLabel(request.operation);
    if (!PATH.test(request.path)) throw new TypeError(`${what} has a path that is not encoded`);
    const call: Call = {
      request,
      what,
      signal,
      endsAtMs: endBefore(endsAtMs),
      caller,
      beganMs: performance.now(),
      attempt: 0,
      waitedMs: 0,
      hasNonce: false,
    };
    for (;;) {
      const token = await this.#token(call);
      const answer = await this.#sendOnce(call, token);
      if (answer === undefined) continue;
      using memory = new DisposableStack();
      memory.use(answer.memory);
      const read = await checked(call, answer, token.echoes);
      if (held?.disposed === false) held.use(memory.move());
      return read;
    }
  }

  /** The token to send now. @throws {TenantError} TENANT_TIMEOUT at the end of the call */
  async #token(call: Call): Promise<AccessToken> {
    const { what, signal } = call;
    const late = (within: string) =>
      new ExchangeError("TENANT_TIMEOUT", `no access token ${within}`, "nothing", false);
    try {
      return await withinTime({ time: timeOf(call), signal, late }, async (ending) => {
        const token = await this.tokens.current(what, ending);
        if (token === undefined) throw ending.reason;
        return token;
      });
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      throw signal.aborted ? ended(call) : new TenantError(error.code, `${what}: ${error.message}`);
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
    const mayCount = answer.status !== 401 || !this.#mayBeAccepted(call, token, answer);
    const pauseMs = pauseAfterAnswer(answer, access, call.attempt);
    if (mayCount && pauseMs === undefined) return answer;
    answer.memory?.[Symbol.dispose]();
    if (pauseMs === undefined) return undefined;
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

  async #exchange(call: Call, token: AccessToken): Promise<HttpAnswer> {
    const { request: { verb, path, body, access }, signal, caller } = call;
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
      caller,
      answerBytesMax: TENANT_ANSWER_MAX_BYTES,
      time: timeOf(call),
    }, signal);
  }
}

/** When a call ends that may take a part of what is left of its invocation. */
function endBefore(endsAtMs: number): number {
  const leftMs = endsAtMs - performance.now();
  return endsAtMs - Math.min(HANDLING_MAX_MS, Math.max(0, leftMs) * HANDLING_PART);
}

/** The time for the next request of a call. */
function timeOf({ endsAtMs }: Call): ExchangeTime {
  const leftMs = endsAtMs - performance.now();
  if (leftMs >= TENANT_REQUEST_TIMEOUT_MS) {
    return { timeoutMs: TENANT_REQUEST_TIMEOUT_MS, limit: "the limit of one request" };
  }
  return { timeoutMs: Math.max(1, leftMs), limit: LEFT };
}

/** @throws {TenantError} TENANT_RATE_LIMITED if the tenant asks for a longer wait than the call may have */
function assertMayWait(call: Call, answer: HttpAnswer, pauseMs: number): void {
  const leftMs = call.endsAtMs - performance.now();
  if (call.waitedMs + pauseMs <= WAIT_MAX_MS && pauseMs < leftMs) return;
  const limit = pauseMs < leftMs
    ? `the limit is ${formatDuration(WAIT_MAX_MS)} for each call`
    : `this is longer than ${LEFT}`;
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
async function checked(call: Call, answer: HttpAnswer, echoes: Echoes): Promise<TenantAnswer> {
  const { status, headers, body } = answer;
  const bad = (code: TenantErrorCode, why: string) =>
    // A gateway may answer 429 in place of C1, in words of its own: the request was rejected.
    status === 429
      ? error(call, "TENANT_RATE_LIMITED", `${why} (status 429)`, retryAfterSeconds(headers))
      : error(call, code, `${why} (status ${status})${doubtAbout(call.request.access)}`);
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
  const { text, value: json } = await objectIn(body, echoes, bad);
  const passed = PASSED_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, echoes.removedFrom(value)] as const];
  });
  return { status, headers: Object.fromEntries(passed), body: text, json };
}

function error(
  { what }: Call,
  code: TenantErrorCode,
  why: string,
  retryAfterSeconds?: number,
): TenantError {
  return new TenantError(code, `${what}: ${why}`, retryAfterSeconds);
}

/** Nobody reads it: the invocation has ended. */
function ended(call: Call): TenantError {
  return error(call, "TENANT_TIMEOUT", "the invocation ended before the answer");
}
