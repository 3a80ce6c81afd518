/** Who sends a request: the client of an access token, or the session of a cookie of the console. */
import type { MiddlewareHandler } from "hono";
import type { IncomingMessage } from "node:http";
import { serialize } from "hono/utils/cookie";
import { DomainError } from "../domain/errors.ts";
import { checkedFor, holderAs, type Principal, type Proof } from "../domain/identity/mod.ts";
import { noteProved } from "./connections.ts";
import type { Env } from "./env.ts";
import { type RequestContext, requestContextOf } from "./request_context.ts";
import type { BrowserRequest, ReplyHeaders, SessionCookie } from "../api/cookies.ts";
import type { Uses } from "../api/operation.ts";
import type { PublicOrigins } from "./middleware.ts";

/** The services that check access tokens. */
export type TokenServices = Uses<
  "accessTokens" | "dpopProofs" | "apiRateLimit" | "tokenRateLimit"
>;
export type Identity = TokenServices & Uses<"consoleSessions">;

/** The credential of a request. */
interface Credential {
  /** Checks it, now and later. */
  readonly check: () => Promise<Principal>;
  /** Records that its DPoP proof was used, which is then of no use to anybody else; undefined without one. */
  readonly useProof?: () => Promise<void>;
}

/**
 * Authenticates requests by their access token (RFC 6750, section 2.1; RFC 9449, section 7), or without one by the session
 * of their cookie. Sets their principal and counts them. Rejects requests with TOKEN_MISSING, TOKEN_INVALID,
 * TOKEN_EXPIRED, PROOF_MISSING, PROOF_INVALID, SOURCE_NOT_ALLOWED, SESSION_ENDED, NOT_FROM_CONSOLE and RATE_LIMITED.
 */
export function authenticate(identity: Identity, cookies: SessionCookies): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { principal, check } = await authenticated(requestContextOf(c), identity, cookies);
    c.set("principal", principal);
    c.set("checkCredential", check);
    await next();
  };
}

/** The sender of a request. */
interface Authenticated {
  readonly principal: Principal;
  /** Checks the credential again. */
  readonly check: () => Promise<Principal>;
}

/** Finds the sender of a request, and counts the request. @throws as {@link authenticate} rejects */
export async function authenticated(
  context: RequestContext,
  identity: Identity,
  cookies: SessionCookies,
): Promise<Authenticated> {
  const credential = credentialOf(context, identity, cookies);
  return { principal: await admit(context, credential, identity), check: credential.check };
}

/** Authenticates as {@link authenticate}, but by an access token alone. */
export function authenticateToken(services: TokenServices): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("principal", await principalOfToken(requestContextOf(c), services));
    await next();
  };
}

/** Sets the cookie of requests that must come from the console. Rejects others with NOT_FROM_CONSOLE. */
export function readCookie(cookies: SessionCookies): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("sessionCookie", cookies.ofConsole(c.env.incoming));
    await next();
  };
}

/** Sets the cookies of browsers that sign in with the provider. */
export function readBrowser(cookies: SessionCookies): MiddlewareHandler<Env> {
  return async (c, next) => {
    c.set("browser", cookies.ofBrowser(c.env.incoming));
    await next();
  };
}

/** Finds the credential of a request. @throws TOKEN_MISSING, NOT_FROM_CONSOLE */
function credentialOf(
  context: RequestContext,
  identity: Identity,
  cookies: SessionCookies,
): Credential {
  const { incoming, clientAddress: address } = context;
  const { authorization, cookie } = incoming.headers;
  const session = authorization === undefined && cookie !== undefined
    ? cookies.of(incoming).token
    : undefined;
  if (session === undefined) return tokenOf(context, identity);
  return {
    check: async () => (await identity.consoleSessions.check(session, address)).principal,
  };
}

/**
 * The principal of a request by the access token in its header `Authorization`; the request is counted.
 * @param origin scheme and host of an endpoint on a host of its own
 * @throws TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, PROOF_MISSING, PROOF_INVALID, SOURCE_NOT_ALLOWED, RATE_LIMITED
 */
export async function principalOfToken(
  context: RequestContext,
  services: TokenServices,
  origin?: string,
): Promise<Principal> {
  return await admit(context, tokenOf(context, services, origin), services);
}

/** Checks a credential and counts the request. Then alone is a proof recorded, so that strangers cause no records. */
async function admit(
  { incoming, clientAddress }: RequestContext,
  { check, useProof }: Credential,
  { apiRateLimit, tokenRateLimit }: Pick<TokenServices, "apiRateLimit" | "tokenRateLimit">,
): Promise<Principal> {
  const principal = await check().catch((error) => {
    const isWrong = error instanceof DomainError && error.reason === "TOKEN_INVALID";
    // Wrong ones alone are counted: others behind the same address go on.
    if (isWrong) tokenRateLimit.countWrongToken(clientAddress);
    throw error;
  });
  noteProved(incoming);
  apiRateLimit(principal);
  if (useProof !== undefined) await checkedFor(holderAs(principal), useProof);
  return principal;
}

const SCHEME_AND_TOKEN = /^(bearer|dpop) +(\S+)$/i;

/** The access token of a request. @throws TOKEN_MISSING */
function tokenOf(
  { incoming, path, clientAddress: address }: RequestContext,
  { accessTokens, dpopProofs }: TokenServices,
  origin?: string,
): Credential {
  const { method = "", headers } = incoming;
  const { authorization = "" } = headers;
  const [, scheme = "", token] = SCHEME_AND_TOKEN.exec(authorization.trim()) ?? [];
  if (token === undefined) throw tokenMissing(authorization);
  if (scheme.toLowerCase() === "bearer") return { check: () => accessTokens.check(token, address) };
  let verified: Promise<Proof> | undefined;
  // Several headers are one text with commas, which is no proof.
  const prove = () =>
    verified ??= dpopProofs.verify(headers["dpop"]?.toString(), {
      method,
      origin,
      path,
      accessToken: token,
    });
  return {
    check: () => accessTokens.check(token, address, async () => (await prove()).jkt),
    useProof: async () => await dpopProofs.use(await prove()),
  };
}

/** C1's Go SDK sends an empty token if only the field `BearerAuth` of its `Security` is set. */
function tokenMissing(header: string): DomainError {
  const violation = /^\s*bearer\s*$/i.test(header)
    ? "the token in the header Authorization: Bearer is empty; with C1's Go SDK, set the field Oauth of Security instead of BearerAuth"
    : "the request has no header Authorization: Bearer <access token>; /auth/v1/token issues access tokens";
  return new DomainError("TOKEN_MISSING", `Authentication failed: ${violation}`);
}

const COOKIE = "invoked_session";
/** Under TLS: browsers take it from this host alone, over TLS, for every path. */
const SECURE_COOKIE = `__Host-${COOKIE}`;
/** Of a browser that has begun to sign in with the provider. */
const TRANSACTION_COOKIE = "invoked_sign_in";
/** Under TLS, as {@link SECURE_COOKIE}. */
const SECURE_TRANSACTION_COOKIE = `__Host-${TRANSACTION_COOKIE}`;
const COOKIES: ReadonlySet<string> = new Set([
  COOKIE,
  SECURE_COOKIE,
  TRANSACTION_COOKIE,
  SECURE_TRANSACTION_COOKIE,
]);
/** What a page of another origin cannot send without being asked first. */
const CONSOLE_HEADER = "x-invoked-console";
const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** What `Sec-Fetch-Site` says of requests of the console, and of those that a person types. */
const OWN_SITES: ReadonlySet<unknown> = new Set([undefined, "same-origin", "none"]);
const MS_PER_SECOND = 1000;

/** Reads and makes the cookies of sessions. */
export class SessionCookies {
  constructor(private readonly origins: PublicOrigins) {}

  /** The cookie of a request; its token only if the request may use it. @throws NOT_FROM_CONSOLE */
  of(incoming: IncomingMessage): SessionCookie {
    const origin = this.origins.of(incoming);
    const isSecure = origin.startsWith("https:");
    const cookie = sessionCookie(incoming, isSecure);
    if (cookie.token !== undefined) assertOwn(incoming, origin);
    return cookie;
  }

  /** The same for requests that need no cookie, but must come from the console. @throws NOT_FROM_CONSOLE */
  ofConsole(incoming: IncomingMessage): SessionCookie {
    assertOwn(incoming, this.origins.of(incoming));
    return this.of(incoming);
  }

  /**
   * The cookies of a browser that signs in with the provider. That of its session counts only if a page of the server
   * itself sends the browser: another site must not act for the session.
   */
  ofBrowser(incoming: IncomingMessage): BrowserRequest {
    const { headers, url = "/" } = incoming;
    const origin = this.origins.of(incoming);
    const isSecure = origin.startsWith("https:");
    const session = sessionCookie(incoming, isSecure);
    return {
      origin: this.origins.seenBy(incoming),
      session: headers["sec-fetch-site"] === "same-origin"
        ? session
        : { ...session, token: undefined },
      transaction: cookieOf(incoming, {
        name: isSecure ? SECURE_TRANSACTION_COOKIE : TRANSACTION_COOKIE,
        isSecure,
        // The provider, which is another site, sends the browser back.
        sameSite: "Lax",
      }),
      userAgent: headers["user-agent"],
      query: new URL(url, origin).searchParams,
    };
  }
}

interface CookieForm {
  readonly name: string;
  readonly isSecure: boolean;
  readonly sameSite: "Strict" | "Lax";
}

function sessionCookie(incoming: IncomingMessage, isSecure: boolean): SessionCookie {
  const name = isSecure ? SECURE_COOKIE : COOKIE;
  return cookieOf(incoming, { name, isSecure, sameSite: "Strict" });
}

function cookieOf(incoming: IncomingMessage, form: CookieForm): SessionCookie {
  return {
    token: valueOf(incoming.headers.cookie, form.name),
    set: (value, lifetimeMs) => setCookie(form, value, lifetimeMs),
    clear: () => setCookie(form, "", 0),
  };
}

/** A header `Cookie` without the cookies of sessions: they reach no function. */
export function withoutSessions(header: string): string {
  return header.split(";").filter((pair) => !COOKIES.has(nameOf(pair))).join(";").trim();
}

/**
 * The value of a cookie. None if the header has several: a page of another host of the same site can add one, which must
 * not replace that of the server. Hono's `getCookie` returns the first of several, and decodes the value.
 */
function valueOf(header: string | undefined, name: string): string | undefined {
  const values = (header ?? "").split(";").filter((pair) => nameOf(pair) === name)
    .map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
  return values.length === 1 ? values[0] : undefined;
}

function nameOf(pair: string): string {
  return pair.slice(0, Math.max(0, pair.indexOf("="))).trim();
}

/** @param lifetimeMs 0 removes it */
function setCookie(
  { name, isSecure, sameSite }: CookieForm,
  value: string,
  lifetimeMs: number,
): ReplyHeaders {
  const cookie = serialize(name, value, {
    path: "/",
    // A negative age would be left out, and the cookie would last as long as the browser runs.
    maxAge: Math.max(0, lifetimeMs / MS_PER_SECOND),
    httpOnly: true,
    secure: isSecure,
    sameSite,
  });
  return { "Set-Cookie": cookie };
}

/**
 * Checks that a page of the server sends the request. What changes state proves it by its origin and by a header; what
 * reads cannot be read by others, and is checked as far as the browser says where it comes from.
 * @throws NOT_FROM_CONSOLE
 */
function assertOwn({ method = "", headers }: IncomingMessage, origin: string): void {
  const site = headers["sec-fetch-site"];
  if (!OWN_SITES.has(site)) throw notFromConsole(`its Sec-Fetch-Site is ${JSON.stringify(site)}`);
  if (READING.has(method)) return;
  const from = headers.origin;
  if (from !== origin) {
    throw notFromConsole(
      `its Origin ${from === undefined ? "is missing" : `is ${JSON.stringify(from)}`}, ` +
        `and must be ${origin} (--public-url)`,
    );
  }
  if (headers[CONSOLE_HEADER] !== "1") throw notFromConsole("X-Invoked-Console: 1 is missing");
}

function notFromConsole(violation: string): DomainError {
  return new DomainError(
    "NOT_FROM_CONSOLE",
    `Request with a session cookie rejected: ${violation}`,
  );
}
