import { getLogger } from "@logtape/logtape";
import { BlobError } from "../store/blobs/blob_error.ts";
import { damageOf } from "../store/damage.ts";
import { unavailabilityOf } from "../store/storage_health.ts";
import {
  blobMissing,
  dataDamaged,
  DomainError,
  type ErrorCode,
  type Reason,
  REASONS,
  storageUnavailable,
} from "../domain/errors.ts";

const logger = getLogger(["invoked", "api"]);

/** Number of google.rpc.Code and HTTP status of every code, as googleapis' `code.proto` pairs them. */
const CODES = {
  INVALID_ARGUMENT: { number: 3, status: 400 },
  OUT_OF_RANGE: { number: 11, status: 400 },
  FAILED_PRECONDITION: { number: 9, status: 400 },
  UNAUTHENTICATED: { number: 16, status: 401 },
  PERMISSION_DENIED: { number: 7, status: 403 },
  NOT_FOUND: { number: 5, status: 404 },
  ALREADY_EXISTS: { number: 6, status: 409 },
  RESOURCE_EXHAUSTED: { number: 8, status: 429 },
  UNIMPLEMENTED: { number: 12, status: 501 },
  INTERNAL: { number: 13, status: 500 },
  UNAVAILABLE: { number: 14, status: 503 },
  DEADLINE_EXCEEDED: { number: 4, status: 504 },
  DATA_LOSS: { number: 15, status: 500 },
} as const satisfies Record<ErrorCode, { readonly number: number; readonly status: number }>;

/** Reasons for which HTTP has a status of its own. */
const STATUSES = {
  METHOD_NOT_ALLOWED: 405,
  ETAG_MISMATCH: 412,
  WEBHOOK_TOO_LARGE: 413,
  PURGED: 410,
  RANGE_NOT_SATISFIABLE: 416,
} as const satisfies Partial<Record<Reason, number>>;

type HttpStatus = typeof CODES[ErrorCode]["status"] | typeof STATUSES[keyof typeof STATUSES];

const FAILED = "Request failed";

/** The HTTP status of an error. */
export function statusOf(reason: Reason): HttpStatus {
  const statuses: Partial<Record<Reason, HttpStatus>> = STATUSES;
  return statuses[reason] ?? CODES[REASONS[reason]].status;
}

/** An error as google.rpc.Status in protobuf's JSON mapping, with its HTTP status. */
interface StatusAnswer {
  readonly status: HttpStatus;
  readonly body: { readonly code: number; readonly message: string; readonly details: unknown[] };
}

/** The answer to an error, without headers. */
export function statusAnswer(error: DomainError): StatusAnswer {
  const details: unknown[] = [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: error.reason,
      domain: "invoked",
    },
  ];
  if (error.violations.length > 0) {
    details.unshift({
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: error.violations,
    });
  }
  const { number } = CODES[error.code];
  return {
    status: statusOf(error.reason),
    body: { code: number, message: error.message, details },
  };
}

/**
 * The part of an error that a caller sees. Errors of the server are logged; an error that is neither a {@link
 * DomainError} nor about the storage becomes INTERNAL.
 */
export function asDomainError(error: unknown): DomainError {
  if (error instanceof BlobError) return asDomainError(blobMissing(FAILED, error));
  if (error instanceof DomainError) {
    if (error.code === "DATA_LOSS") logger.error("{message}", { message: error.message });
    return error;
  }
  const damage = damageOf(error);
  if (damage !== undefined) return asDomainError(dataDamaged(FAILED, damage));
  const unavailable = unavailabilityOf(error);
  if (unavailable !== undefined) {
    return storageUnavailable(FAILED, unavailable);
  }
  logger.error(FAILED, { error });
  return new DomainError(
    "INTERNAL",
    `${FAILED}: the server failed; its log has the reason under this Request-Id`,
  );
}
