/** Access tokens of one client of a tenant. They live in memory only, and leave it only in requests to the tenant. */
import { z } from "zod";
import { formatBytes, formatCount } from "../config/mod.ts";
import { ENCODED_SECRET_MAX_UNITS } from "../sandbox/instance/redaction.ts";
import { backoffMs } from "../shared/backoff.ts";
import { pause, untilAborted } from "../shared/pause.ts";
import { ProofKey } from "../shared/proof_key.ts";
import { ASSERTION_TYPE, secretTexts, signAssertion } from "./client_key.ts";
import { type TenantCredentials, TenantError, type TenantErrorCode } from "./contract.ts";
import { Echoes } from "./echoes.ts";
import { type Exchange, ExchangeError, type HttpAnswer } from "./exchange.ts";
import { retryAfterSeconds } from "./retries.ts";

const PATH = "/auth/v1/token";
const TIMEOUT_MS = 10_000;
const ANSWER_MAX_BYTES = 64 * 1024;
/** Requests until a token comes; each has an assertion of its own. */
const ATTEMPTS_MAX = 3;
const BACKOFF = { initialMs: 200, maxMs: 1_000 };
/** Longest wait that the token endpoint may ask for. */
const WAIT_MAX_SECONDS = 5;
/** Lifetime of a token whose answer does not state it, and the longest that counts, in seconds. */
const DEFAULT_LIFETIME_SECONDS = 60;
const LIFETIME_MAX_SECONDS = 24 * 60 * 60;
/** How long a rejection counts without another request: a function in a loop must not lock the client out. */
const REJECTED_MS = 5_000;
/** How long a token that could not be renewed is used before the next attempt. */
const RENEW_PAUSE_MS = 5_000;
const DESCRIPTION_CHARS_MAX = 200;

/** Longest access token: answers would show a longer one in its encoded forms. */
const TOKEN_MAX_CHARS = ENCODED_SECRET_MAX_UNITS;

/** RFC 6749 section 5.1; the token itself is a `b64token` of RFC 6750 section 2.1. */
const TokenAnswer = z.object({
  access_token: z.string().regex(/^[A-Za-z0-9._~+/-]+=*$/),
  token_type: z.string().regex(/^(?:bearer|dpop)$/i),
  expires_in: z.number().positive().catch(DEFAULT_LIFETIME_SECONDS),
});
/** RFC 6749 section 5.2. */
const TokenRejection = z.object({
  error: z.string().regex(/^[\x21-\x7e]{1,64}$/),
  error_description: z.string().optional().catch(undefined),
});
/** What ends a client, whatever is sent again. */
const REJECTED = ["invalid_client", "unauthorized_client", "invalid_grant", "access_denied"];
/** RFC 9449 section 8.1. */
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/;

/** A token and how it is sent. */
export interface AccessToken {
  readonly text: string;
  /** When it was granted, on the clock of `performance.now()`. */
  readonly grantedAtMs: number;
  /** The key that it is bound to; undefined for a bearer token. */
  readonly key: ProofKey | undefined;
  /** What no answer to a request with the token may show. */
  readonly echoes: Echoes;
}

interface HeldToken extends AccessToken {
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

/** The tokens of one client: each is requested once, however many requests wait for it. */
export class TenantTokens {
  readonly #exchange: Exchange;
  readonly #credentials: TenantCredentials;
  readonly #origin: URL;
  #held: HeldToken | undefined;
  #requested: Promise<HeldToken> | undefined;
  #rejection: { readonly error: TenantError; readonly untilMs: number } | undefined;
  /** Made once the tenant asks for proofs. */
  #key: ProofKey | undefined;
  /** The last nonces of the token endpoint and of the API. */
  readonly #nonces: { token?: string | undefined; api?: string | undefined } = {};

  constructor(exchange: Exchange, credentials: TenantCredentials) {
    this.#exchange = exchange;
    this.#credentials = credentials;
    this.#origin = new URL(`https://${credentials.host}`);
  }

  /**
   * The token to send now; a new one after half of its lifetime.
   * @param what the operation that needs it, for messages
   * @throws {TenantError} without a token; undefined once the signal aborts
   */
  async current(what: string, signal: AbortSignal): Promise<AccessToken | undefined> {
    const nowMs = performance.now();
    if (this.#held !== undefined && nowMs < this.#held.renewAtMs) return this.#held;
    if (this.#rejection !== undefined && nowMs < this.#rejection.untilMs) {
      throw named(what, this.#rejection.error);
    }
    // No signal ends it: several calls may wait for the same token.
    this.#requested ??= this.#renew().finally(() => this.#requested = undefined);
    try {
      return await untilAborted(this.#requested, signal);
    } catch (error) {
      throw error instanceof TenantError ? named(what, error) : error;
    }
  }

  /** The headers of a request with a token. */
  async headers(
    { text, key }: AccessToken,
    method: string,
    path: string,
  ): Promise<Readonly<Record<string, string>>> {
    if (key === undefined) return { authorization: `Bearer ${text}` };
    const url = new URL(path, this.#origin);
    const dpop = await key.prove({ method, url, accessToken: text, nonce: this.#nonces.api });
    return { authorization: `DPoP ${text}`, dpop };
  }

  /** Whether an answer 401 of the API asks for the same request with the nonce that {@link keepNonce} has kept. */
  asksForNonce({ key }: AccessToken, { headers }: HttpAnswer): boolean {
    return key !== undefined && this.#nonces.api !== undefined &&
      /\buse_dpop_nonce\b/.test(headers["www-authenticate"] ?? "");
  }

  /** The next request gets another token: the tenant does not accept this one. */
  drop({ text }: AccessToken): void {
    if (this.#held?.text === text) this.#held = undefined;
  }

  /** Keeps the nonce that an answer of the API has for the next request. */
  keepNonce({ headers }: HttpAnswer): void {
    const nonce = nonceIn(headers);
    if (nonce !== undefined) this.#nonces.api = nonce;
  }

  async #renew(): Promise<HeldToken> {
    const held = this.#held;
    try {
      return this.#held = await this.#request();
    } catch (error) {
      if (!(error instanceof TenantError)) throw error;
      const nowMs = performance.now();
      if (error.code === "TENANT_CREDENTIAL_REJECTED") {
        this.#held = undefined;
        this.#rejection = { error, untilMs: nowMs + REJECTED_MS };
      } else if (held !== undefined && nowMs < held.expiresAtMs) {
        // The old one still works while the token endpoint is away.
        return this.#held = { ...held, renewAtMs: nowMs + RENEW_PAUSE_MS };
      }
      throw error;
    }
  }

  async #request(): Promise<HeldToken> {
    let mayAskForProof = true;
    for (let attempt = 1;; attempt++) {
      const answer = await this.#send(attempt);
      if (answer === undefined) continue;
      const body = jsonOf(answer.body);
      const granted = TokenAnswer.safeParse(body);
      if (answer.status === 200 && granted.success) return this.#heldOf(granted.data);
      const rejection = TokenRejection.safeParse(body).data;
      const asksForProof = rejection?.error === "use_dpop_nonce" ||
        rejection?.error === "invalid_dpop_proof";
      if (asksForProof && mayAskForProof) {
        // Once with a key, and once more with the nonce for it.
        mayAskForProof = this.#key === undefined && rejection.error === "invalid_dpop_proof";
        this.#key ??= await ProofKey.make();
        continue;
      }
      await this.#pauseAfter(answer, rejection, attempt);
    }
  }

  /** Undefined if another attempt follows. @throws {TenantError} */
  async #send(attempt: number): Promise<HttpAnswer | undefined> {
    const { clientId } = this.#credentials;
    const assertion = await signAssertion(this.#credentials, this.#origin.hostname);
    if (assertion === undefined) {
      throw new TenantError(
        "TENANT_CREDENTIAL_REJECTED",
        "the client secret stored for the tenant has another form than " +
          "secret-token:conductorone.com:v1:...: store it again",
      );
    }
    const form = {
      client_id: clientId,
      grant_type: "client_credentials",
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    };
    const url = new URL(PATH, this.#origin);
    const dpop = await this.#key?.prove({ method: "POST", url, nonce: this.#nonces.token });
    try {
      const answer = await this.#exchange.send({
        verb: "POST",
        path: PATH,
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "accept": "application/json",
          ...dpop === undefined ? {} : { dpop },
        },
        body: String(new URLSearchParams(form)),
        opensConnection: false,
        caller: "",
        answerBytesMax: ANSWER_MAX_BYTES,
        time: { timeoutMs: TIMEOUT_MS, limit: "the limit of a request for a token" },
      }, AbortSignal.timeout(TIMEOUT_MS));
      this.#nonces.token = nonceIn(answer.headers) ?? this.#nonces.token;
      return answer;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (!error.mayPass || attempt >= ATTEMPTS_MAX) {
        throw error.code === "TENANT_ANSWER_TOO_LARGE"
          ? badAnswer(error.code, `more than ${formatBytes(ANSWER_MAX_BYTES)}`)
          : new TenantError(error.code, `no access token: ${error.message}`);
      }
      await this.#pause(backoffMs(BACKOFF, attempt));
      return undefined;
    }
  }

  /** Waits before another attempt. @throws {TenantError} if none can help */
  async #pauseAfter(
    answer: HttpAnswer,
    rejection: z.output<typeof TokenRejection> | undefined,
    attempt: number,
  ): Promise<void> {
    const { status, headers } = answer;
    if (rejection !== undefined && (status === 401 || REJECTED.includes(rejection.error))) {
      throw new TenantError(
        "TENANT_CREDENTIAL_REJECTED",
        `the tenant does not accept client ${this.#credentials.clientId}: ${
          this.#described(rejection)
        }`,
      );
    }
    const isBusy = status === 429 || status === 503;
    const seconds = isBusy ? retryAfterSeconds(headers) : undefined;
    if (status === 429 && (attempt >= ATTEMPTS_MAX || (seconds ?? 0) > WAIT_MAX_SECONDS)) {
      throw new TenantError(
        "TENANT_RATE_LIMITED",
        "the token endpoint of the tenant answered status 429",
        seconds,
      );
    }
    if (status < 500 && !isBusy || attempt >= ATTEMPTS_MAX || (seconds ?? 0) > WAIT_MAX_SECONDS) {
      if (rejection !== undefined) throw badAnswer("TENANT_BAD_ANSWER", this.#described(rejection));
      throw badAnswer(codeOf(answer), `status ${status}`);
    }
    await this.#pause(seconds === undefined ? backoffMs(BACKOFF, attempt) : 1000 * seconds);
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, AbortSignal.timeout(1000 * WAIT_MAX_SECONDS));
  }

  /** What the tenant says about a request without success: its words, as far as they are harmless. */
  #described({ error, error_description: text }: z.output<typeof TokenRejection>): string {
    if (text === undefined) return error;
    const harmless = new Echoes(secretTexts(this.#credentials.clientSecret)).removedFrom(text);
    const printable = harmless.replace(/[^\x20-\x7e]+/g, " ").slice(0, DESCRIPTION_CHARS_MAX);
    return `${error}: ${printable.trim()}`;
  }

  #heldOf({ access_token: text, token_type, expires_in }: z.output<typeof TokenAnswer>): HeldToken {
    if (text.length > TOKEN_MAX_CHARS) {
      const limit = formatCount(TOKEN_MAX_CHARS);
      throw badAnswer("TENANT_ANSWER_TOO_LARGE", `a token of more than ${limit} characters`);
    }
    const isBound = token_type.toLowerCase() === "dpop";
    if (isBound && this.#key === undefined) {
      throw badAnswer("TENANT_SCHEMA_CHANGED", "a token of type DPoP without a proof");
    }
    const nowMs = performance.now();
    const lifetimeMs = 1000 * Math.min(expires_in, LIFETIME_MAX_SECONDS);
    return {
      text,
      grantedAtMs: nowMs,
      key: isBound ? this.#key : undefined,
      echoes: new Echoes([text, ...secretTexts(this.#credentials.clientSecret)]),
      renewAtMs: nowMs + lifetimeMs / 2,
      expiresAtMs: nowMs + lifetimeMs,
    };
  }
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function nonceIn(headers: HttpAnswer["headers"]): string | undefined {
  const nonce = headers["dpop-nonce"];
  return nonce !== undefined && NONCE.test(nonce) ? nonce : undefined;
}

/** What is wrong with an answer that is neither a token nor a rejection. */
function codeOf({ status, body }: HttpAnswer): TenantErrorCode {
  if (status >= 300 && status < 400) return "TENANT_REDIRECTED";
  if (jsonOf(body) === undefined) return "TENANT_NOT_JSON";
  return status === 200 ? "TENANT_SCHEMA_CHANGED" : "TENANT_BAD_ANSWER";
}

function badAnswer(code: TenantErrorCode, why: string): TenantError {
  return new TenantError(code, `no access token: the token endpoint answered ${why}`);
}

/** The same error, for an operation that waited for the token. */
function named(what: string, { code, message, retryAfterSeconds }: TenantError): TenantError {
  return new TenantError(code, `${what}: ${message}`, retryAfterSeconds);
}
