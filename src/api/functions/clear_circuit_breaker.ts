import { quoted } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { jsonOperation, type Uses } from "../operation.ts";
import { int32Out, textIn } from "../primitives.ts";

const REASON_CHARS_MAX = 1_024;

const DECISIONS = [
  "PAUSED_EXECUTION_DECISION_UNSPECIFIED",
  "PAUSED_EXECUTION_DECISION_RUN",
  "PAUSED_EXECUTION_DECISION_CANCEL",
] as const;

export const clearCircuitBreaker = jsonOperation({
  operationId: "invoked.FunctionService.ClearCircuitBreaker",
  method: "post",
  path: "/api/v1/functions/{function_id}/circuit_breaker/clear",
  summary: "Run or cancel the invocations that the circuit breaker of a function has paused",
  permission: "functions:invoke",
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
    count: int32Out.openapi({ description: "Invocations that were paused" }),
  }),
  async handle({ params, body, principal }, { circuitBreaker }: Uses<"circuitBreaker">) {
    const decision = body.decision.endsWith("_RUN") ? "RUN" : "CANCEL";
    return {
      count: await circuitBreaker.clear(principal, params.function_id, decision, body.reason),
    };
  },
});
