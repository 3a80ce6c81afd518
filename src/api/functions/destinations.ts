/** The destinations of a function on the wire. */
import { z } from "@hono/zod-openapi";
import type { OutboxRow } from "../../store/outbox.ts";
import { targetOf } from "../../domain/destinations/target.ts";
import { int32Out, textIn, timestamp } from "../primitives.ts";

const URL_CHARS_MAX = 2048;

export const destinationIn = z.object({
  functionId: textIn.optional(),
  url: textIn.max(URL_CHARS_MAX)
    .optional().openapi({ description: "Its host and port must be in outboundNetworkAllowlist" }),
  secret: textIn.optional().openapi({
    description: "Signs requests to the URL as Standard Webhooks does: whsec_ and base64. " +
      "Never returned; absent or empty keeps the stored one",
  }),
}).openapi({
  description: "Gets {invocation: {id, functionId, status, error, input, output}} at the end of " +
    "asynchronous calls, unless they were cancelled; {} removes it",
});

export const destinationOut = z.object({
  functionId: z.string().optional(),
  url: z.string().optional(),
}).openapi("invoked.Destination");

/** Where the end of an invocation went. */
export const sentOut = z.object({
  functionId: z.string().optional(),
  url: z.string().optional(),
  state: z.enum([
    "DESTINATION_STATE_UNSPECIFIED",
    "DESTINATION_STATE_PENDING",
    "DESTINATION_STATE_DELIVERED",
    "DESTINATION_STATE_FAILED",
  ]),
  attempts: int32Out,
  nextAttemptAt: timestamp.optional().openapi({
    description: "Time of the next attempt while it is pending",
  }),
  error: z.string().optional().openapi({ description: "Why the last attempt failed" }),
  invocationId: z.string().optional().openapi({ description: "The invocation that it started" }),
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
