/** When an invocation counts as failed, and with which error code: in searches, statistics and records. */
import { sql } from "kysely";
import type { InvocationTable } from "./invocation_tables.ts";

/** Why an invocation failed. */
export interface InvocationError {
  /** One of docs/errors.md. */
  readonly code: string;
  readonly message: string;
}

/** In place of the code of an error, for a success that answered its request with a status from 500 on. */
const FAILED_ANSWER = "HTTP_5XX";

/** Whether a row failed, in the words of its partial index. */
export const FAILED = sql<boolean>`(status = 'ERROR' or failed_answer = 1)`;
/** The opposite. */
export const HAS_NOT_FAILED = sql<boolean>`(status <> 'ERROR' and failed_answer = 0)`;

/**
 * The error code of a failure, or {@link FAILED_ANSWER}; null unless it failed. While a cluster is upgraded,
 * API nodes of the release before record an error without its code, which begins the text.
 */
export const FAILURE = sql<string | null>`case
  when status = 'ERROR' then coalesce(error_code, substr(error, 1, length(error) -
    length(ltrim(error, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'))))
  when failed_answer = 1 then ${sql.lit(FAILED_ANSWER)} end`;

/** An error in the text of the column `error`. */
export function errorText({ code, message }: InvocationError): string {
  return `${code}: ${message}`;
}

/** The columns of an error. */
export function errorColumns(
  error: InvocationError,
): Pick<InvocationTable, "error" | "errorCode"> {
  return { error: errorText(error), errorCode: error.code };
}
