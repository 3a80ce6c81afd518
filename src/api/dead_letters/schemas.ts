import { z } from "@hono/zod-openapi";
import type { DeadLetter } from "../../domain/invocations/dead_letters.ts";
import { attemptOut, attemptsOf } from "../invocations/starts.ts";
import { timestamp } from "../primitives.ts";

/** Names a dead letter. */
export const deadLetterParams = z.object({ function_id: z.string(), id: z.string() });

export const deadLetterOut = z.object({
  id: z.string(),
  functionId: z.string(),
  invocationId: z.string(),
  attempts: z.array(attemptOut).openapi({ description: "Oldest first" }),
  error: z.string().openapi({ description: "Error of the last attempt" }),
  parkedAt: timestamp,
}).openapi("invoked.DeadLetter");

/** The API's form of a dead letter. */
export function deadLetterJson(row: DeadLetter): z.input<typeof deadLetterOut> {
  return {
    id: row.id,
    functionId: row.functionId,
    invocationId: row.id,
    attempts: attemptsOf(row),
    error: row.error ?? "",
    parkedAt: row.parkedAt,
  };
}
