/** Ranges of time in filters: in the URL, in fields, and as the API takes them. */
import { formatExact } from "./format.ts";
import { textOf } from "./url_search.ts";

/** What the URL has; absent members filter nothing. */
export interface TimeRange {
  /** A preset such as `1h`, before now, or an RFC 3339 time. */
  readonly since?: string;
  readonly until?: string;
}

/** Times before now that one click chooses, in ms. */
const PRESETS: Readonly<Record<string, number>> = {
  "15m": 15 * 60_000,
  "1h": 3_600_000,
  "24h": 24 * 3_600_000,
  "7d": 7 * 24 * 3_600_000,
};

/** Whether a time of the filter is one of `PRESETS`. */
export function isPreset(time: string): boolean {
  return Object.hasOwn(PRESETS, time);
}

/** A time of a URL by its name; nothing for a text that is no time. @param preset whether it may be a preset */
export function timeIn<K extends string>(
  name: K,
  value: unknown,
  preset: boolean,
): { [P in K]?: string } {
  const text = textOf(value);
  const isTime = !Number.isNaN(Date.parse(text)) || (preset && isPreset(text));
  return isTime ? { [name]: text } as { [P in K]: string } : {};
}

/** The instant of a time of the filter. @param now for presets */
export function instantOf(time: string, now: Date): string {
  const preset = PRESETS[time];
  return (preset === undefined ? new Date(time) : new Date(now.getTime() - preset)).toISOString();
}

/** What a filter by a time is called. */
export function timeLabel(name: "since" | "until", value: string): string {
  if (isPreset(value)) return `time: last ${value}`;
  return `${name === "since" ? "from" : "to"}: ${formatExact(new Date(value))}`;
}

/** A time as an input of the type datetime-local has it: local, with the seconds if they are not 0. */
export function localTimeOf(time: string | undefined): string {
  if (time === undefined || isPreset(time)) return "";
  const date = new Date(time);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace(/:00$/, "");
}

/** The instant of a time as such an input has it; undefined for an empty one. */
export function timeOfLocal(local: string): string | undefined {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
