/** The destinations of a function on the wire. */
import { z } from "@hono/zod-openapi";
import type { OutboxRow } from "../../store/outbox.ts";
import { targetOf } from "../../domain/functions/destinations.ts";
import { int32Out, timestamp } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

/** Where the end of an invocation went. */
export const sentOut = z.object({
  functionId: z.string().optional(),
  url: z.string().optional(),
  state: z.enum(enumWords("DESTINATION_STATE", "PENDING", "DELIVERED", "FAILED")),
  attempts: int32Out,
  nextAttemptAt: timestamp.optional().openapi({
    description: "Time of the next attempt; present while the delivery is pending",
  }),
  error: z.string().optional().openapi({ description: "Why the last attempt failed" }),
  invocationId: z.string().optional().openapi({
    description: "The invocation that the delivery started",
  }),
  updatedAt: timestamp,
}).openapi("invoked.SentEnd");

/** The API's form of the end of an invocation on its way. */
export function sentJson(row: OutboxRow): z.input<typeof sentOut> {
  return {
    ...targetOf(row.target),
    state: `DESTINATION_STATE_${row.state}`,
    attempts: row.attempts,
    ...row.state === "PENDING" ? { nextAttemptAt: row.dueAt } : {},
    ...row.error === null ? {} : { error: row.error },
    ...row.startedId === null ? {} : { invocationId: row.startedId },
    updatedAt: row.updatedAt,
  };
}
