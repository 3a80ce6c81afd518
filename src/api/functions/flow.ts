/** How often and how many at a time the calls of a function start, on the wire. */
import { quoted } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import {
  CIRCUIT_BREAKER_PERIODS,
  type WantedDebounce,
  type WantedRateLimit,
} from "../../domain/functions/flow_settings.ts";
import type { FunctionRow } from "../../store/functions.ts";
import { jsonOperation } from "../operation.ts";
import {
  countIn,
  durationIn,
  durationJson,
  durationOut,
  int32Out,
  textIn,
  timestamp,
} from "../primitives.ts";

const REASON_CHARS_MAX = 1_024;

const circuitBreakerPeriod = z.enum(CIRCUIT_BREAKER_PERIODS).openapi(
  "invoked.CircuitBreakerPeriod",
);

const pointerIn = textIn.openapi({ description: "JSON Pointer into the input, such as /user/id" });

/** The settings that a request can carry. */
export const flowIn = {
  concurrencyKey: pointerIn.optional(),
  maxConcurrencyPerKey: countIn.optional().openapi({
    description: "Calls with the same concurrencyKey at a time; 0 or absent: 1. Others wait",
  }),
  debounce: z.object({
    key: pointerIn.optional(),
    delay: durationIn.optional(),
    maxDelay: durationIn.optional().openapi({ description: "0s or absent: 10 times the delay" }),
  }).optional().openapi({
    description: "Of asynchronous calls with the same key, the last starts once none came for " +
      "`delay`, at most `maxDelay` after the first; the others are skipped. {} removes it",
  }),
  rateLimit: z.object({ calls: countIn.optional(), period: durationIn.optional() }).optional()
    .openapi({
      description:
        "Most starts of attempts in any window of this length, on all nodes: a caller that waits gets " +
        "429, other calls wait. {} removes it",
    }),
  circuitBreakerMax: countIn.optional().openapi({
    description: "Runs in the trailing period, after which calls pause for a decision; 0: any",
  }),
  circuitBreakerPeriod: circuitBreakerPeriod.optional(),
};

/** What an answer has of the settings. */
export const flowOut = {
  concurrencyKey: z.string().optional(),
  maxConcurrencyPerKey: int32Out.optional(),
  debounce: z.object({
    key: z.string().optional(),
    delay: durationOut,
    maxDelay: durationOut.optional(),
  }).optional().openapi("invoked.Debounce"),
  rateLimit: z.object({ calls: int32Out, period: durationOut }).optional()
    .openapi("invoked.RateLimit"),
  circuitBreakerMax: int32Out.optional(),
  circuitBreakerPeriod: circuitBreakerPeriod.optional(),
  circuitBreakerPausedAt: timestamp.optional().openapi({
    description: "Time of the pause while calls wait for a decision",
  }),
};

/** The API's form of the settings. */
export function flowJson(row: FunctionRow) {
  const { concurrencyKey, maxConcurrencyPerKey, circuitBreakerMax } = row;
  const { circuitBreakerPeriod, circuitBreakerPausedAt } = row;
  return {
    ...concurrencyKey === null ? {} : { concurrencyKey },
    ...maxConcurrencyPerKey === null ? {} : { maxConcurrencyPerKey },
    ...row.debounce === null ? {} : { debounce: debounceJson(row.debounce) },
    ...row.rateLimit === null ? {} : { rateLimit: rateLimitJson(row.rateLimit) },
    ...circuitBreakerMax === null ? {} : { circuitBreakerMax },
    ...circuitBreakerPeriod === null ? {} : { circuitBreakerPeriod },
    ...circuitBreakerPausedAt === null ? {} : { circuitBreakerPausedAt },
  };
}

function debounceJson(json: string) {
  const { key, delay = 0, maxDelay } = JSON.parse(json) as WantedDebounce;
  return {
    ...key ? { key } : {},
    delay: durationJson(delay),
    ...maxDelay ? { maxDelay: durationJson(maxDelay) } : {},
  };
}

function rateLimitJson(json: string) {
  const { calls = 0, period = 0 } = JSON.parse(json) as WantedRateLimit;
  return { calls, period: durationJson(period) };
}

const DECISIONS = [
  "PAUSED_EXECUTION_DECISION_UNSPECIFIED",
  "PAUSED_EXECUTION_DECISION_RUN",
  "PAUSED_EXECUTION_DECISION_CANCEL",
] as const;

export const clearCircuitBreaker = jsonOperation({
  operationId: "invoked.FunctionService.ClearCircuitBreaker",
  method: "post",
  path: "/api/v1/functions/{function_id}/circuit_breaker/clear",
  summary: "Run or cancel the calls that the circuit breaker of a function has paused",
  permission: "invoke",
  destroys: true,
  params: z.object({ function_id: z.string() }),
  body: z.object({
    decision: z.enum(DECISIONS).refine((decision) => decision !== DECISIONS[0], {
      error: ({ input }) =>
        `must be one of ${DECISIONS.slice(1).join(", ")}; it is ${quoted(input)}`,
    }),
    reason: textIn.max(REASON_CHARS_MAX).default(""),
  }).openapi("invoked.ClearCircuitBreakerRequest"),
  response: z.object({
    count: int32Out.openapi({ description: "Calls that had been paused" }),
  }),
  async handle({ params, body, principal }, { circuitBreaker }) {
    const decision = body.decision.endsWith("_RUN") ? "RUN" : "CANCEL";
    return {
      count: await circuitBreaker.clear(principal, params.function_id, decision, body.reason),
    };
  },
});
