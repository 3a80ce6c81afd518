import { z } from "@hono/zod-openapi";
import type { EffectiveLimits } from "../../domain/limits.ts";
import { INVOCATION_LIMITS } from "../../resources/functions.ts";
import { durationOut } from "../primitives.ts";
import { answerJson, wholeAnswerShape } from "../resource.ts";

/**
 * Limits in force: the limits of a function, or the limits with which a commit was built or an invocation was accepted.
 */
export const limitsOut = z.object(wholeAnswerShape(INVOCATION_LIMITS)).openapi("invoked.Limits");

/** The limits of a function, and its retention. */
export const effectiveLimitsOut = z.object({
  ...limitsOut.shape,
  retention: durationOut.optional().openapi({
    description: "How long ended invocations are kept; absent means for ever",
  }),
}).openapi("invoked.EffectiveLimits");

/** The API's form of limits. */
export function limitsJson(limits: EffectiveLimits): z.input<typeof limitsOut> {
  return answerJson(INVOCATION_LIMITS, limits) as z.input<typeof limitsOut>;
}

/** The field `limits` of a row, which old rows do not have. */
export function recordedLimitsJson(
  limits: EffectiveLimits | undefined,
): { limits?: z.input<typeof limitsOut> } {
  return limits === undefined ? {} : { limits: limitsJson(limits) };
}
