/**
 * The errors of the API: one closed, coded set. `docs/errors.md` explains each reason; a test keeps the
 * page and this file equal.
 */

import type { BlobError } from "../store/blobs/blob_error.ts";
import type { Damage } from "../store/damage.ts";
import type { StorageUnavailable } from "../store/storage_health.ts";

/** Codes of google.rpc.Code that the server answers. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "OUT_OF_RANGE"
  | "FAILED_PRECONDITION"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "RESOURCE_EXHAUSTED"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "DATA_LOSS";

/** Stable reasons with their code. */
export const REASONS = {
  INVALID_FIELD: "INVALID_ARGUMENT",
  BODY_NOT_JSON: "INVALID_ARGUMENT",
  BODY_TOO_LARGE: "INVALID_ARGUMENT",
  INVALID_PAGE_TOKEN: "INVALID_ARGUMENT",
  BUILD_FAILED: "INVALID_ARGUMENT",
  IDEMPOTENCY_KEY_REUSED: "INVALID_ARGUMENT",
  ARCHIVE_INVALID: "INVALID_ARGUMENT",
  WEBHOOK_INVALID: "INVALID_ARGUMENT",
  WEBHOOK_TOO_LARGE: "INVALID_ARGUMENT",
  RANGE_NOT_SATISFIABLE: "OUT_OF_RANGE",
  FILE_NOT_UPLOADED: "FAILED_PRECONDITION",
  COMMIT_NOT_FINALIZED: "FAILED_PRECONDITION",
  COMMIT_ALREADY_FINALIZED: "FAILED_PRECONDITION",
  NO_PUBLISHED_COMMIT: "FAILED_PRECONDITION",
  NO_EARLIER_PUBLISH: "FAILED_PRECONDITION",
  CIRCUIT_BREAKER_PAUSED: "FAILED_PRECONDITION",
  INVOKE_TOO_DEEP: "FAILED_PRECONDITION",
  INVOKE_TOO_MANY: "FAILED_PRECONDITION",
  VOLUME_PATH_CONFLICT: "FAILED_PRECONDITION",
  VOLUME_BOUND: "FAILED_PRECONDITION",
  ETAG_MISMATCH: "FAILED_PRECONDITION",
  NO_JSON_HANDLER: "FAILED_PRECONDITION",
  NOT_REPLAYABLE: "FAILED_PRECONDITION",
  NO_TESTS: "FAILED_PRECONDITION",
  COMMIT_IN_USE: "FAILED_PRECONDITION",
  PURGE_RUNNING: "FAILED_PRECONDITION",
  FUNCTION_IN_USE: "FAILED_PRECONDITION",
  PRINCIPAL_IN_USE: "FAILED_PRECONDITION",
  TENANT_IN_USE: "FAILED_PRECONDITION",
  TENANT_LIMIT: "FAILED_PRECONDITION",
  TENANT_IS_EXAMPLE: "FAILED_PRECONDITION",
  ROLE_IN_USE: "FAILED_PRECONDITION",
  PROVIDER_IN_USE: "FAILED_PRECONDITION",
  LAST_OWNER: "FAILED_PRECONDITION",
  NO_PROVIDER: "FAILED_PRECONDITION",
  METRICS_OFF: "FAILED_PRECONDITION",
  ALERTS_OFF: "FAILED_PRECONDITION",
  PROVIDER_ONLY: "FAILED_PRECONDITION",
  TRIGGER_LIMIT: "FAILED_PRECONDITION",
  TRIGGER_PAUSED: "FAILED_PRECONDITION",
  TENANT_NOT_SET: "FAILED_PRECONDITION",
  TENANT_REMOVED: "FAILED_PRECONDITION",
  TENANT_NOT_CALLED: "FAILED_PRECONDITION",
  TENANT_CREDENTIAL_REJECTED: "FAILED_PRECONDITION",
  TENANT_TOO_MANY_CALLS: "FAILED_PRECONDITION",
  TENANT_ANSWER_TOO_LARGE: "FAILED_PRECONDITION",
  TENANT_NOT_RECORDED: "FAILED_PRECONDITION",
  SIGNING_KEY_LIMIT: "FAILED_PRECONDITION",
  CREDENTIAL_LIMIT: "FAILED_PRECONDITION",
  TOKEN_MISSING: "UNAUTHENTICATED",
  TOKEN_INVALID: "UNAUTHENTICATED",
  TOKEN_EXPIRED: "UNAUTHENTICATED",
  PROOF_MISSING: "UNAUTHENTICATED",
  PROOF_INVALID: "UNAUTHENTICATED",
  SOURCE_NOT_ALLOWED: "UNAUTHENTICATED",
  SESSION_ENDED: "UNAUTHENTICATED",
  LINK_INVALID: "UNAUTHENTICATED",
  SIGN_IN_FAILED: "UNAUTHENTICATED",
  ASSERTION_INVALID: "UNAUTHENTICATED",
  WEBHOOK_NOT_PROVED: "UNAUTHENTICATED",
  ROLE_MISSING: "PERMISSION_DENIED",
  PERSON_DISABLED: "PERMISSION_DENIED",
  TENANT_OPERATION_DENIED: "PERMISSION_DENIED",
  UPLOAD_URL_INVALID: "PERMISSION_DENIED",
  UPLOAD_URL_EXPIRED: "PERMISSION_DENIED",
  WEBHOOK_ADDRESS: "PERMISSION_DENIED",
  NOT_FOR_SCRIPTS: "PERMISSION_DENIED",
  NOT_FROM_CONSOLE: "PERMISSION_DENIED",
  FUNCTION_NOT_FOUND: "NOT_FOUND",
  CLIENT_NOT_FOUND: "NOT_FOUND",
  DEVICE_CODE_INVALID: "NOT_FOUND",
  PRINCIPAL_NOT_FOUND: "NOT_FOUND",
  CREDENTIAL_NOT_FOUND: "NOT_FOUND",
  BINDING_NOT_FOUND: "NOT_FOUND",
  ROLE_NOT_FOUND: "NOT_FOUND",
  PROVIDER_NOT_FOUND: "NOT_FOUND",
  TRUST_NOT_FOUND: "NOT_FOUND",
  SESSION_NOT_FOUND: "NOT_FOUND",
  TENANT_NOT_FOUND: "NOT_FOUND",
  COMMIT_NOT_FOUND: "NOT_FOUND",
  TAG_NOT_FOUND: "NOT_FOUND",
  INVOCATION_NOT_FOUND: "NOT_FOUND",
  TRIGGER_NOT_FOUND: "NOT_FOUND",
  DEAD_LETTER_NOT_FOUND: "NOT_FOUND",
  EXPORT_NOT_FOUND: "NOT_FOUND",
  VOLUME_NOT_FOUND: "NOT_FOUND",
  VOLUME_FILE_NOT_FOUND: "NOT_FOUND",
  VOLUME_VERSION_NOT_FOUND: "NOT_FOUND",
  ENDPOINT_NOT_FOUND: "NOT_FOUND",
  PURGED: "NOT_FOUND",
  TAG_ALREADY_EXISTS: "ALREADY_EXISTS",
  TENANT_ALREADY_EXISTS: "ALREADY_EXISTS",
  TRIGGER_ALREADY_EXISTS: "ALREADY_EXISTS",
  PROVIDER_ALREADY_EXISTS: "ALREADY_EXISTS",
  WEBHOOK_REPEATED: "ALREADY_EXISTS",
  QUEUE_FULL: "RESOURCE_EXHAUSTED",
  OVERLOADED: "RESOURCE_EXHAUSTED",
  QUEUE_TIMEOUT: "RESOURCE_EXHAUSTED",
  CONCURRENCY_KEY_BUSY: "RESOURCE_EXHAUSTED",
  TOO_MANY_DELAYED: "RESOURCE_EXHAUSTED",
  SESSION_LINK_LIMIT: "RESOURCE_EXHAUSTED",
  RATE_LIMITED: "RESOURCE_EXHAUSTED",
  TENANT_RATE_LIMITED: "RESOURCE_EXHAUSTED",
  RECEIVING_TOO_MUCH: "RESOURCE_EXHAUSTED",
  ANSWERS_UNREAD: "RESOURCE_EXHAUSTED",
  VOLUME_QUOTA: "RESOURCE_EXHAUSTED",
  METHOD_NOT_ALLOWED: "UNIMPLEMENTED",
  UPGRADE_NOT_SUPPORTED: "UNIMPLEMENTED",
  NEEDS_C1_TENANT: "UNIMPLEMENTED",
  TENANT_METHOD_UNKNOWN: "UNIMPLEMENTED",
  SPIFFE_NOT_SUPPORTED: "UNIMPLEMENTED",
  SERVER_STOPPING: "UNAVAILABLE",
  STORAGE_UNAVAILABLE: "UNAVAILABLE",
  PROVIDER_UNAVAILABLE: "UNAVAILABLE",
  TENANT_UNREACHABLE: "UNAVAILABLE",
  BUILD_KILLED: "UNAVAILABLE",
  WEBHOOK_TIMEOUT: "DEADLINE_EXCEEDED",
  TENANT_TIMEOUT: "DEADLINE_EXCEEDED",
  ENDPOINT_TIMEOUT: "DEADLINE_EXCEEDED",
  BLOB_MISSING: "DATA_LOSS",
  DATA_DAMAGED: "DATA_LOSS",
  WEBHOOK_FUNCTION_FAILED: "INTERNAL",
  TENANT_REDIRECTED: "INTERNAL",
  TENANT_NOT_JSON: "INTERNAL",
  TENANT_SCHEMA_CHANGED: "INTERNAL",
  TENANT_BAD_ANSWER: "INTERNAL",
  INTERNAL: "INTERNAL",
} as const satisfies Record<string, ErrorCode>;

export type Reason = keyof typeof REASONS;

/** Violations of fields that one error lists; the others are left out. */
export const VIOLATIONS_MAX = 100;

/** The violation of one field; `field` is its path in the request, with names as the OpenAPI document has them. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

interface ErrorOptions {
  readonly violations?: readonly FieldViolation[];
  /** For RESOURCE_EXHAUSTED and UNAVAILABLE: when to try again. */
  readonly retryAfterSeconds?: number;
}

/** Whose credential a request had. */
export interface Holder {
  /** Id of the principal. */
  readonly id: string;
  readonly name: string;
  /** The credential, or the session's. */
  readonly clientId: string;
  readonly kind: string;
  readonly sessionId?: string;
}

/** An error whose audit event may name the holder of a credential. */
export class AuditableError extends Error {
  /** Whose credential was proved and rejected all the same. For the audit log alone: no response names the holder. */
  holder: Holder | undefined;
}

/** An error for the caller. Its message names no path and no stack of the server. */
export class DomainError extends AuditableError {
  readonly code: ErrorCode;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterSeconds: number | undefined;

  constructor(readonly reason: Reason, message: string, options: ErrorOptions = {}) {
    super(message);
    this.name = "DomainError";
    this.code = REASONS[reason];
    this.violations = options.violations ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Thrown in a transaction to undo changes that were only checked. */
export class ValidationOnly extends Error {}

/** When to try again while the server cannot store data. */
const STORAGE_RETRY_SECONDS = 5;

/** @param what that cannot be done, such as `Request failed` */
export function storageUnavailable(what: string, { message }: StorageUnavailable): DomainError {
  return new DomainError("STORAGE_UNAVAILABLE", `${what}: ${message}`, {
    retryAfterSeconds: STORAGE_RETRY_SECONDS,
  });
}

/** @param what that cannot be done, such as `Request failed` */
export function blobMissing(what: string, { message }: BlobError): DomainError {
  return new DomainError("BLOB_MISSING", `${what}: ${message}`);
}

/** @param what that cannot be done, such as `Request failed` */
export function dataDamaged(what: string, { message }: Damage): DomainError {
  return new DomainError("DATA_DAMAGED", `${what}: ${message}; restore it from a backup`);
}

/** INVALID_ARGUMENT for a resource that the path names. @param what that cannot be done @param why it cannot */
export function invalidTarget(what: string, why: string): DomainError {
  const violations = [{ field: "id", description: why }];
  return new DomainError("INVALID_FIELD", `${what}: ${why}`, { violations });
}

/** The error of an id, or a name, without its resource, such as `Volume "x" does not exist`. */
export function notFound(
  reason: Reason,
  what: string,
  id: string,
  why = "does not exist",
): DomainError {
  return new DomainError(reason, `${what} ${JSON.stringify(id)} ${why}`);
}

/** INVALID_ARGUMENT for fields of the request. */
export function invalid(...violations: [FieldViolation, ...FieldViolation[]]): DomainError {
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new DomainError("INVALID_FIELD", message, { violations });
}
