/** The retry policy of a function: how often an asynchronous call starts, when, and after which errors. */
import { countOf, formatDuration } from "../../config/mod.ts";
import type { ErrorCode } from "../../sandbox/contract.ts";
import type { FieldViolation } from "../errors.ts";
import type { VolumeErrorCode } from "../invocations/attached_volume.ts";

/** Errors that another attempt may follow: all but those of a call that somebody cancelled. */
export const RETRYABLE_WORDS = [
  "TIMEOUT",
  "CPU_LIMIT",
  "OUT_OF_MEMORY",
  "UNCAUGHT",
  "BAD_OUTPUT",
  "OUTPUT_TOO_LARGE",
  "EXITED",
  "INTERRUPTED",
  "VFS_CONFLICT",
  "VFS_QUOTA",
  "VFS_UNFINISHED",
] as const satisfies readonly (ErrorCode | VolumeErrorCode)[];
type RetryableWord = (typeof RETRYABLE_WORDS)[number];

const ATTEMPTS_MAX = 100;
const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 24 * 60 * 60 * 1000;

/** A retry policy as a caller gives it; absent and 0 mean the default. */
export interface WantedRetryPolicy {
  readonly maxAttempts?: number | undefined;
  /** Milliseconds. */
  readonly initialBackoff?: number | undefined;
  /** Milliseconds. */
  readonly maxBackoff?: number | undefined;
  readonly retryOn?: readonly RetryableWord[] | undefined;
}

/** A retry policy in force. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly retryOn: readonly string[];
}

/** What a policy does not say. Also the policy of schedules and accepted webhooks of a function without its own. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 3,
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
  retryOn: ["INTERRUPTED", "UNCAUGHT"],
};

/** The policy with its defaults. @param json as it is stored */
export function retryPolicyOf(json: string): RetryPolicy {
  const wanted = JSON.parse(json) as WantedRetryPolicy;
  const { maxAttempts, initialBackoffMs, maxBackoffMs, retryOn } = DEFAULT_RETRY_POLICY;
  const initial = wanted.initialBackoff || initialBackoffMs;
  return {
    maxAttempts: wanted.maxAttempts || maxAttempts,
    initialBackoffMs: initial,
    maxBackoffMs: wanted.maxBackoff || Math.max(initial, maxBackoffMs),
    retryOn: wanted.retryOn?.length ? wanted.retryOn : retryOn,
  };
}

/** The text that is stored; null for a policy that says nothing. */
export function retryPolicyColumn(wanted: WantedRetryPolicy | undefined): string | null {
  const given = Object.entries(wanted ?? {}).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value
  );
  return given.length === 0 ? null : JSON.stringify(Object.fromEntries(given));
}

/** The faults of a policy. @param field such as `function.retryPolicy` */
export function retryPolicyFaults(wanted: WantedRetryPolicy, field: string): FieldViolation[] {
  const { maxAttempts = 0, initialBackoff = 0, maxBackoff = 0 } = wanted;
  const attempts = (count: number) => countOf(count, "attempt");
  const checks = [
    ["maxAttempts", maxAttempts, 1, ATTEMPTS_MAX, attempts],
    ["initialBackoff", initialBackoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS, formatDuration],
    ["maxBackoff", maxBackoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS, formatDuration],
  ] as const;
  const faults = checks.flatMap(([name, value, min, max, format]) =>
    value === 0 || (value >= min && value <= max) ? [] : [{
      field: `${field}.${name}`,
      description: `${format(value)} is not between ${format(min)} and ${format(max)}`,
    }]
  );
  const inForce = retryPolicyOf(retryPolicyColumn(wanted) ?? "{}");
  if (faults.length > 0 || inForce.maxBackoffMs >= inForce.initialBackoffMs) return faults;
  return [{
    field: `${field}.maxBackoff`,
    description: `${formatDuration(inForce.maxBackoffMs)} is below the initialBackoff of ${
      formatDuration(inForce.initialBackoffMs)
    }`,
  }];
}
