/** How long a credential lives, and what cuts its rights, as forms have it. */

const DAY_SECONDS = 86_400;
/** Lifetimes in days; the longest is that of the server. */
export const LIFETIMES = [1, 7, 30, 90, 180] as const;

/** The days of a credential that does not expire. */
export const NEVER = "never";
export const DEFAULT_DAYS = "90";

/** What cuts the rights of a credential. */
export interface Limits {
  readonly roleIds: readonly string[];
  /** One in each line. */
  readonly networks: string;
}

/** A lifetime as requests have it; undefined for one without an end. */
export function lifetimeOf(days: string): string | undefined {
  return days === NEVER ? undefined : `${Number(days) * DAY_SECONDS}s`;
}

/** The texts of a field with one in each line. */
export function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
