/** Who calls: principals, what their roles permit, the clients that may be used, and the access tokens that name them. */
import { base64url, errors, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import type { InvocationContext } from "../../engine/contract.ts";
import { DomainError } from "../errors.ts";
import type { ClientRow, IdentityReader } from "../../store/identity.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import type { SigningKey } from "./server_keys.ts";

/** What an operation needs of its caller: to read, to run functions and cancel their invocations, or to change things. */
export type Permission = "read" | "invoke" | "write";

/** The permissions of each role, by its id. */
const PERMISSIONS_OF_ROLE = {
  reader: ["read"],
  invoker: ["read", "invoke"],
  administrator: ["read", "invoke", "write"],
} as const satisfies Record<string, readonly Permission[]>;

export type Role = keyof typeof PERMISSIONS_OF_ROLE;
/** The ids of all roles, from the least to the most. */
export const ROLES = Object.keys(PERMISSIONS_OF_ROLE) as readonly Role[];

/** The same for ids that may be unknown. */
const PERMISSIONS: ReadonlyMap<string, readonly Permission[]> = new Map(
  Object.entries(PERMISSIONS_OF_ROLE),
);

export function isRole(id: string): id is Role {
  return Object.hasOwn(PERMISSIONS_OF_ROLE, id);
}

/** The running invocation that makes another one and waits for it. */
interface CallingInvocation extends InvocationContext {
  /** Aborts when it ends; what it waits for is then cancelled. */
  readonly signal: AbortSignal;
}

/** Who is calling: a service principal, named by its access token, or a function, named by its running invocation. */
export interface Principal {
  readonly id: string;
  readonly displayName: string;
  /** The credential, or the function: whose requests are counted together. */
  readonly clientId: string;
  /** Ids of roles; an unknown one gives no permission. */
  readonly roles: readonly string[];
  /** The invocation that calls; undefined for a service principal. */
  readonly invocation?: CallingInvocation;
}

/** The roles that have a permission, from the least to the most. */
export function rolesWith(permission: Permission): readonly Role[] {
  return ROLES.filter((role) => allow([role], permission));
}

/** The most of the roles whose permissions some of the first roles and some of the second ones have, too. */
function rolesWithin(first: readonly string[], second: readonly string[]): Role[] {
  return ROLES.filter((role) =>
    PERMISSIONS_OF_ROLE[role].every((one) => allow(first, one) && allow(second, one))
  ).slice(-1);
}

/** @throws ROLE_MISSING if no role of the principal has the permission */
export function requirePermission(
  by: Principal,
  permission: Permission,
  operationId: string,
): void {
  if (allow(by.roles, permission)) return;
  const hint = by.invocation === undefined ? "" : "; add one to the function's scopedRoleIds";
  throw new DomainError(
    "ROLE_MISSING",
    `${by.displayName} may not call ${operationId}: the operation needs the role ` +
      `${rolesWith(permission).join(" or ")}${hint}`,
  );
}

/** Whether one of the roles has the permission. */
function allow(roles: readonly string[], permission: Permission): boolean {
  return roles.some((role) => PERMISSIONS.get(role)?.includes(permission));
}

/** A client that may be used. */
export interface LiveClient {
  readonly principal: Principal;
  /** When it expires; Infinity for never. */
  readonly expiresAtMs: number;
}

/** A client that may be used; undefined for one that was deleted, is disabled or has expired. */
export function liveClientOf(row: ClientRow): LiveClient | undefined {
  const expiresAtMs = row.expiresAt === null ? Infinity : Date.parse(row.expiresAt);
  if (row.deletedAt !== null || row.disabled === 1 || Date.now() >= expiresAtMs) return undefined;
  const roles = JSON.parse(row.roles) as string[];
  const scopedRoles = JSON.parse(row.scopedRoles) as string[];
  return {
    principal: {
      id: row.principalId,
      displayName: row.displayName,
      clientId: row.clientId,
      roles: scopedRoles.length === 0 ? roles : rolesWithin(roles, scopedRoles),
    },
    expiresAtMs,
  };
}

/** Whether a client may do everything. */
export function isAdministrator(row: ClientRow): boolean {
  return liveClientOf(row)?.principal.roles.includes("administrator") ?? false;
}

/** The error of a request with the token of a client that may not be used. */
export function clientGone(): DomainError {
  return new DomainError(
    "TOKEN_INVALID",
    "Access token invalid: its client was deleted, is disabled or has expired",
  );
}

/** Verified tokens in memory. */
const VERIFIED_TOKENS_MAX = 10_000;
const MS_PER_SECOND = 1000;
/** How far ahead of the clock a token may have been issued: the clock may be set back a little. */
const ISSUED_AHEAD_MAX_MS = 60 * MS_PER_SECOND;
const ISSUER = "invoked";
const AUDIENCE = "invoked/api";

/** A new access token. */
interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/**
 * Issues and checks access tokens: EdDSA JWTs (RFC 7519, RFC 8037) that name a client. What the client may do is looked
 * up at each check, in memory until a client changes.
 */
export class AccessTokens {
  /** Verified tokens with their times, so that a signature is checked once and not at every request. */
  readonly #verified = new LRUCache<
    string,
    { readonly clientId: string; readonly issuedAtMs: number; readonly expiresAtMs: number }
  >(entriesUpTo(VERIFIED_TOKENS_MAX));

  readonly #header: { readonly alg: "EdDSA"; readonly typ: "at+jwt"; readonly kid: string };
  /** The first part of every token of this server, and of no other server: it names the key. */
  readonly #head: string;

  constructor(
    private readonly key: SigningKey,
    private readonly identity: Pick<IdentityReader, "client">,
    private readonly lifetimeMs: number,
  ) {
    this.#header = { alg: "EdDSA", typ: "at+jwt", kid: key.id };
    this.#head = base64url.encode(JSON.stringify(this.#header));
  }

  /** Issues a token that ends with its lifetime or with its client, whichever is first. */
  async issue({ principal, expiresAtMs }: LiveClient): Promise<IssuedToken> {
    const issuedAt = Math.floor(Date.now() / MS_PER_SECOND);
    const lifetimeMs = Math.min(this.lifetimeMs, expiresAtMs - Date.now());
    const expiresInSeconds = Math.max(1, Math.floor(lifetimeMs / MS_PER_SECOND));
    const token = await new SignJWT({ client_id: principal.clientId })
      .setProtectedHeader(this.#header)
      .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject(principal.id)
      .setIssuedAt(issuedAt).setExpirationTime(issuedAt + expiresInSeconds)
      .sign(this.key.privateKey);
    return { token, expiresInSeconds };
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async check(token: string): Promise<Principal> {
    const row = await this.identity.client(await this.#clientIdOf(token));
    const client = row === undefined ? undefined : liveClientOf(row);
    if (client === undefined) throw clientGone();
    return client.principal;
  }

  /**
   * Whether a text, such as an `Authorization` header of any scheme, contains an access token of this server. Expired
   * tokens and tokens of disabled clients count, too. The signature is not checked: nobody is harmed by the removal of a
   * forged token.
   */
  areIn(text: string): boolean {
    return text.includes(this.#head);
  }

  /** The client that a token was issued to. @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async #clientIdOf(token: string): Promise<string> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAtMs) {
      assertNotIssuedAhead(known.issuedAtMs);
      return known.clientId;
    }
    this.#verified.delete(token);
    try {
      const { payload } = await jwtVerify(token, this.key.publicKey, {
        algorithms: ["EdDSA"],
        typ: "at+jwt",
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ["sub", "iat", "exp", "client_id"],
      });
      const issuedAtMs = MS_PER_SECOND * Number(payload.iat);
      assertNotIssuedAhead(issuedAtMs);
      const clientId = String(payload["client_id"]);
      const expiresAtMs = MS_PER_SECOND * Number(payload.exp);
      this.#verified.set(token, { clientId, issuedAtMs, expiresAtMs });
      return clientId;
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        throw new DomainError(
          "TOKEN_EXPIRED",
          "Access token expired: request a new one from /auth/v1/token",
        );
      }
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        throw new DomainError(
          "TOKEN_INVALID",
          "Access token invalid: this server did not issue the token, or the token was changed",
        );
      }
      throw error;
    }
  }
}

/** A token of a clock that was ahead would outlive the time of every other. @throws TOKEN_INVALID */
function assertNotIssuedAhead(issuedAtMs: number): void {
  if (issuedAtMs <= Date.now() + ISSUED_AHEAD_MAX_MS) return;
  throw new DomainError(
    "TOKEN_INVALID",
    `Access token invalid: it was issued at ${
      new Date(issuedAtMs).toISOString()
    }, which is in the future; request a new one from /auth/v1/token`,
  );
}
