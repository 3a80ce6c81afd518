/** The retry policy of a function: how often an asynchronous invocation starts, when, and after which errors. */
import { formatDuration } from "../../config/mod.ts";
import { FUNCTION_SETTINGS, type FunctionSettings } from "../../resources/functions.ts";
import type { ErrorCode } from "../../sandbox/contract.ts";
import type { FieldViolation } from "../errors.ts";
import type { VolumeErrorCode } from "../volumes/write_set.ts";

type WantedRetryPolicy = NonNullable<FunctionSettings["retryPolicy"]>;
const { fields } = FUNCTION_SETTINGS.retryPolicy;
fields.retryOn.values satisfies readonly (ErrorCode | VolumeErrorCode)[];

/** A retry policy in force. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly retryOn: readonly string[];
}

/** What a policy does not say. Also the policy of schedules and accepted webhooks of a function without its own. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: fields.maxAttempts.unset.inForce,
  initialBackoffMs: fields.initialBackoff.unset.inForce,
  maxBackoffMs: fields.maxBackoff.unset.inForce,
  retryOn: fields.retryOn.unset.inForce,
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

/** The violation of bounds that contradict each other. @param prefix of the fields in the request */
export function retryPolicyViolations(
  { retryPolicy = {} }: FunctionSettings,
  prefix: string,
): FieldViolation[] {
  const inForce = retryPolicyOf(JSON.stringify(retryPolicy));
  if (inForce.maxBackoffMs >= inForce.initialBackoffMs) return [];
  return [{
    field: `${prefix}retryPolicy.maxBackoff`,
    description: `${formatDuration(inForce.maxBackoffMs)} is below the initialBackoff of ${
      formatDuration(inForce.initialBackoffMs)
    }`,
  }];
}
