/** The retry policy of a function on the wire. */
import { z } from "@hono/zod-openapi";
import {
  DEFAULT_RETRY_POLICY,
  RETRYABLE_WORDS,
  type WantedRetryPolicy,
} from "../../domain/functions/retry_policy.ts";
import { durationIn, durationJson, durationOut, int32In, int32Out } from "../primitives.ts";

const word = z.enum(RETRYABLE_WORDS);
const { maxAttempts, initialBackoffMs, maxBackoffMs, retryOn } = DEFAULT_RETRY_POLICY;

export const retryPolicyIn = z.object({
  maxAttempts: int32In.optional().openapi({ description: `0 or absent: ${maxAttempts}` }),
  initialBackoff: durationIn.optional().openapi({
    description: `0s or absent: ${durationJson(initialBackoffMs)}`,
  }),
  maxBackoff: durationIn.optional().openapi({
    description: `0s or absent: ${durationJson(maxBackoffMs)}, but not less than initialBackoff`,
  }),
  retryOn: z.array(word).optional().openapi({
    description: `Words of errors that another attempt follows; empty: ${retryOn.join(", ")}`,
  }),
}).openapi({
  description: "Attempts of asynchronous calls, after exponential backoff with full jitter",
});

export const retryPolicyOut = z.object({
  maxAttempts: int32Out.optional(),
  initialBackoff: durationOut.optional(),
  maxBackoff: durationOut.optional(),
  retryOn: z.array(word).optional(),
}).openapi("invoked.RetryPolicy", {
  description: "Retry policy of the function itself, without defaults",
});

/** The API's form of a stored policy. */
export function retryPolicyJson(json: string): z.input<typeof retryPolicyOut> {
  const { initialBackoff, maxBackoff, ...policy } = JSON.parse(json) as WantedRetryPolicy;
  return {
    ...policy,
    ...initialBackoff === undefined ? {} : { initialBackoff: durationJson(initialBackoff) },
    ...maxBackoff === undefined ? {} : { maxBackoff: durationJson(maxBackoff) },
  } as z.input<typeof retryPolicyOut>;
}
