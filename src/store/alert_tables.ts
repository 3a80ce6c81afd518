/** The tables of alerts, as Kysely sees them; see `schema.ts`. */

/** An episode of a condition: from the first check at which the condition holds, until its end is posted. */
interface AlertTable {
  /** A KSUID. */
  id: string;
  /** Of the condition. */
  name: string;
  /** What the condition is about, such as the id of a function; empty for the server. */
  subject: string;
  /** JSON object of texts, as of the first check. */
  labels: string;
  /** In words, as of the last check at which the condition held. */
  summary: string;
  /** `PENDING` until the condition has held long enough, then `FIRING`, then `ENDED`. */
  state: "PENDING" | "FIRING" | "ENDED";
  /** Checks in a row that speak for the next state: the condition held while pending, and did not hold while firing. */
  checks: number;
  /** The first check at which the condition held. */
  startsAt: string;
  /** The first of the last checks in a row at which the condition did not hold; null if it held at the last one. */
  calmSince: string | null;
  /** Null until it has ended. */
  endsAt: string | null;
  /** The last check that wrote the row. */
  checkedAt: string;
  /** 1 once the beginning was posted. The row is deleted once the end was posted. */
  isPosted: number;
}

/** How the posts go. It has at most one row. */
interface AlertPostTable {
  id: number;
  /** Since the last success; each attempt counts from its beginning. */
  attempts: number;
  /** No node begins an attempt before. */
  dueAt: string;
  /** When the first attempt failed after the last success; null after a success. */
  failingSince: string | null;
  /** Why the last attempt failed, for people; null after a success. */
  error: string | null;
}

export interface AlertSchema {
  alerts: AlertTable;
  alertPosts: AlertPostTable;
}
