/** What the ways to get an access token have in common. */
import { AuditableError } from "../../errors.ts";
import type { Granted } from "../access_tokens.ts";

/** Characters that RFC 6749 keeps out of `error_description`. */
const UNDESCRIBABLE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g;

/** A text as `error_description` may have it. */
export function describable(text: string): string {
  return text.replace(UNDESCRIBABLE, "'");
}

/** The errors of RFC 6749, section 5.2, of RFC 8628, section 3.5, of RFC 8707, section 2, and of RFC 9449, section 5. */
type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_target"
  | "invalid_dpop_proof"
  | "unsupported_grant_type"
  | "authorization_pending"
  | "slow_down"
  | "access_denied"
  | "expired_token"
  | "temporarily_unavailable";

const STATUSES: Readonly<Partial<Record<OAuthErrorCode, 401 | 429>>> = {
  invalid_client: 401,
  temporarily_unavailable: 429,
};

/** An error of RFC 6749, section 5.2. */
export class OAuthError extends AuditableError {
  readonly status: 400 | 401 | 429;
  readonly description: string;

  /**
   * @param record why the request was rejected, for the audit log alone
   * @param retryAfterSeconds when to try again; undefined if that would not help
   */
  constructor(
    readonly error: OAuthErrorCode,
    description: string,
    readonly record?: { readonly code: string; readonly detail: string },
    readonly retryAfterSeconds?: number,
  ) {
    super(description);
    this.name = "OAuthError";
    this.description = describable(description);
    this.status = STATUSES[error] ?? 400;
  }
}

/** A way to get an access token: one `grant_type` of the token endpoint. */
export interface Grant {
  readonly type: string;
  /**
   * Authenticates a request, each of whose fields is there once, but for resources and audiences.
   * @param address of the client; undefined for a connection that is gone
   * @throws OAuthError
   */
  authenticate(form: URLSearchParams, address: string | undefined): Promise<Granted>;
}

/** Parameters that may be repeated (RFC 8693, section 2.1; RFC 8707, section 2). */
const REPEATABLE: readonly string[] = ["resource", "audience"];

/** @throws OAuthError for a form with another field that is there twice (RFC 6749, section 3.2) */
export function assertEachOnce(form: URLSearchParams): void {
  for (const name of new Set(form.keys())) {
    if (form.getAll(name).length > 1 && !REPEATABLE.includes(name)) {
      throw new OAuthError("invalid_request", `${name} is given more than once`);
    }
  }
}

/** The value of a field that a request must have. @throws OAuthError */
export function required(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value === null || value === "") throw new OAuthError("invalid_request", `${name} is missing`);
  return value;
}

/**
 * One error for all reasons: it shows nobody which clients exist.
 * @param record the reason, for the audit log alone
 */
export function unknownClient(record?: OAuthError["record"]): OAuthError {
  return new OAuthError(
    "invalid_client",
    "the client is unknown, deleted, disabled, expired or not allowed from this address, or its secret or signature is wrong",
    record,
  );
}
