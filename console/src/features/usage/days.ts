/** Months and days of usage, which are in UTC, whatever the time zone of the browser. */

/** A month such as `2026-01`. */
const MONTH = /^\d{4}-(?:0[1-9]|1[0-2])$/;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Months that the page offers: usage is kept for 400 days by default. */
const MONTHS = 14;

/** The search of the page, which anybody may have written. */
interface UsageSearch {
  readonly month?: string;
  readonly by?: Dimension;
}

export const DIMENSIONS = {
  function: "Function",
  principal: "Principal",
  day: "Day",
} as const;
export type Dimension = keyof typeof DIMENSIONS;

export function usageSearchOf(search: Record<string, unknown>): UsageSearch {
  const { month, by } = search;
  return {
    ...typeof month === "string" && MONTH.test(month) ? { month } : {},
    ...typeof by === "string" && Object.hasOwn(DIMENSIONS, by) ? { by: by as Dimension } : {},
  };
}

/** The month of a time. */
export function monthOf(time: Date): string {
  return time.toISOString().slice(0, "2026-01".length);
}

/** The newest months, and the chosen one, the newest first. */
export function monthsTo(now: Date, chosen: string): readonly string[] {
  const newest = Array.from(
    { length: MONTHS },
    (_, n) => monthOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - n))),
  );
  return [...new Set([...newest, chosen])].sort().reverse();
}

const NAME = new Intl.DateTimeFormat(undefined, {
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});

/** Such as `January 2026`. */
export function monthName(month: string): string {
  return NAME.format(new Date(`${month}-01T00:00:00Z`));
}

/** The days of a month, up to the day of a time. */
export function daysOf(month: string, now: Date): readonly string[] {
  const first = Date.parse(`${month}-01T00:00:00Z`);
  const dayAt = (n: number) => new Date(first + n * DAY_MS).toISOString().slice(0, 10);
  const today = now.toISOString().slice(0, 10);
  return Array.from({ length: 31 }, (_, n) => dayAt(n))
    .filter((day) => day.startsWith(month) && day <= today);
}

/** The first and the last day of a month. */
export function rangeOf(month: string): { readonly from: string; readonly to: string } {
  const [year = 0, number = 0] = month.split("-").map(Number);
  const last = new Date(Date.UTC(year, number, 0));
  return { from: `${month}-01`, to: last.toISOString().slice(0, 10) };
}

/** Where a chart shows a day, in seconds since 1970: its labels are in the time zone of the browser. */
export function chartTimeOf(day: string): number {
  return new Date(`${day}T00:00:00`).getTime() / 1000;
}
