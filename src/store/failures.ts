/** When a call counts as failed: in searches, statistics and records. */
import { sql } from "kysely";
import type { InvocationTable } from "./invocation_tables.ts";

/** In place of the word of an error, for a success that answered its request with a status from 500 on. */
export const FAILED_ANSWER = "HTTP_5XX";

/** Whether a row failed, in the words of its partial index. */
export const FAILED = sql<boolean>`(status = 'ERROR' or failed_answer = 1)`;
/** The opposite. */
export const HAS_NOT_FAILED = sql<boolean>`(status <> 'ERROR' and failed_answer = 0)`;

/** The word of a failure: of its error, or {@link FAILED_ANSWER}. Undefined unless it failed. */
export function failureOf(
  { status, error, failedAnswer }: Pick<InvocationTable, "status" | "error" | "failedAnswer">,
): string | undefined {
  if (status === "ERROR") return error?.slice(0, Math.max(0, error.indexOf(":")));
  return failedAnswer === 1 ? FAILED_ANSWER : undefined;
}
