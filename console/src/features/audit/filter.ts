/** The filter of the log, as the URL has it. */
import { timeIn, type TimeRange } from "../../parts/time_range.ts";
import { textIn } from "../../parts/url_search.ts";

/** Which events are listed; absent members filter nothing. */
export interface AuditFilter extends TimeRange {
  /** Id or name of a principal. */
  readonly actor?: string;
  /** Id of an operation, or its last part. */
  readonly operation?: string;
  /** Id or name of a resource. */
  readonly resource?: string;
  readonly outcome?: Outcome;
}

export interface AuditSearch extends AuditFilter {
  /** The uid of the open event. */
  readonly event?: string;
}

export const OUTCOMES = ["SUCCESS", "FAILURE"] as const;
type Outcome = typeof OUTCOMES[number];

export function isOutcome(value: unknown): value is Outcome {
  return OUTCOMES.some((outcome) => outcome === value);
}

/** The search of a URL, which anybody may have written. */
export function auditSearchOf(search: Record<string, unknown>): AuditSearch {
  return {
    ...textIn("actor", search["actor"]),
    ...textIn("operation", search["operation"]),
    ...textIn("resource", search["resource"]),
    ...(isOutcome(search["outcome"]) ? { outcome: search["outcome"] } : {}),
    ...timeIn("since", search["since"], true),
    ...timeIn("until", search["until"], false),
    ...textIn("event", search["event"]),
  };
}
