/** Which invocations failed, and how the command line shows them. */
import type { components } from "../../resources/schema.d.ts";
import { type Invocation, INVOCATION_PREFIX } from "./schemas.ts";

/** Whether it failed: with an error, or with an answer whose status is from 500 on. */
export function hasFailed({ status, failure }: Invocation): boolean {
  return status === "ERROR" || failure !== undefined;
}

/** Its status; that of its answer in place of a success that counts as a failure. */
export function shownStatus(invocation: Invocation): string {
  const { status, http } = invocation;
  return status === "SUCCESS" && hasFailed(invocation) ? `HTTP ${http?.status ?? "5xx"}` : status;
}

/** The request that it answered, and the status of its answer; undefined for no request. */
export function answerOf({ http }: Invocation): string | undefined {
  return http && `${http.method} ${http.path} ${http.status ?? "-"}`;
}

/** The fields of a search for a status of the command line, of which `error` finds all that failed. */
export function statusFilter(status: string | undefined) {
  if (status === undefined) return {};
  if (status === "error") return { failed: true };
  const ended = status === "success" ? { failed: false } : {};
  return { ...ended, status: apiStatus(status) };
}

type ApiStatus = components["schemas"]["c1.api.functions.v1.FunctionInvocationStatus"];

/** A status of the command line as the API has it. */
export function apiStatus(status: string): ApiStatus {
  return (INVOCATION_PREFIX + status.toUpperCase()) as ApiStatus;
}

/** Whether the invocation has a status; an earlier server does not know `failed`. */
export function hasStatus(invocation: Invocation, status: string | undefined): boolean {
  if (status === "error") return hasFailed(invocation);
  return status !== "success" || !hasFailed(invocation);
}
