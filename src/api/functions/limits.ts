import { z } from "@hono/zod-openapi";
import { type EffectiveLimits, MIB } from "../../domain/functions/limits.ts";
import { durationJson, durationOut, int32Out } from "../primitives.ts";

/** Limits in force: those of a function, or those that a commit was built or an invocation was accepted with. */
export const limitsOut = z.object({
  timeout: durationOut.openapi({ description: "Wall-clock time of one call" }),
  cpuTimeout: durationOut.openapi({ description: "Processor time of one call" }),
  memoryMib: int32Out.openapi({ description: "Memory of one call" }),
  maxConcurrency: int32Out.openapi({ description: "Calls that run at the same time" }),
}).openapi("invoked.Limits");

/** The limits of a function, and its retention. */
export const effectiveLimitsOut = z.object({
  ...limitsOut.shape,
  retention: durationOut.optional().openapi({
    description: "How long invocations are kept after their end; absent for ever",
  }),
}).openapi("invoked.EffectiveLimits");

/** The API's form of limits. */
export function limitsJson(
  { timeoutMs, cpuTimeMs, memoryBytes, maxConcurrency }: EffectiveLimits,
): z.input<typeof limitsOut> {
  return {
    timeout: durationJson(timeoutMs),
    cpuTimeout: durationJson(cpuTimeMs),
    memoryMib: Math.floor(memoryBytes / MIB),
    maxConcurrency,
  };
}

/** The field `limits` of a row, which old rows do not have. */
export function recordedLimitsJson(
  limits: EffectiveLimits | undefined,
): { limits?: z.input<typeof limitsOut> } {
  return limits === undefined ? {} : { limits: limitsJson(limits) };
}
