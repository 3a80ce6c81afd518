import { type Command, Option } from "commander";
import { parseDuration } from "../../config/mod.ts";
import { UsageFailure } from "../terminal/failure.ts";

/** A time with a zone, or a date, which is in UTC by itself. */
const WITH_ZONE = /(?:Z|[+-]\d{2}:?\d{2}|^\d{4}-\d{2}-\d{2})$/i;

/** How the help writes a time. */
export const TIME_HELP = "a duration before now such as 1h, or a time such as 2026-01-31T12:00:00Z";

/** A flag whose value is a time: RFC 3339 in UTC once it is parsed. */
export function timeOption(flag: `--${string}`, description: string): Option {
  return new Option(`${flag} <TIME>`, description).argParser((text) => timeOf(flag, text));
}

/** How the help writes a time to come. */
export const LATER_HELP = "a duration from now such as 1h, or a time such as 2026-01-31T12:00:00Z";

/** A flag whose value is a time to come: RFC 3339 in UTC once it is parsed. */
export function laterOption(flag: `--${string}`, description: string): Option {
  return new Option(`${flag} <TIME>`, description)
    .argParser((text) => timeOf(flag, text, "from now"));
}

/** `--since` and `--until`, which limit a list to a span of time. */
export function addSpanOptions(command: Command, items: string): void {
  command
    .addOption(timeOption("--since", `${items} since this time: ${TIME_HELP}`))
    .addOption(timeOption("--until", `${items} before this time`));
}

/** What `--since` and `--until` allow; RFC 3339 in UTC. */
export interface Span {
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
}

/** Whether a time of the API is within a span. */
export function isWithin({ since, until }: Span, time: string | undefined): boolean {
  const at = Date.parse(time ?? "");
  return !(at < Date.parse(since ?? "")) && !(at >= Date.parse(until ?? ""));
}

/** The time of a flag's text: a duration before or from now, or a time, in UTC without a zone. @throws {Failure} */
function timeOf(
  flag: string,
  text: string,
  direction: "before now" | "from now" = "before now",
): string {
  const distance = parseDuration(text);
  const time = distance !== undefined
    ? Date.now() + (direction === "from now" ? distance : -distance)
    : Date.parse(WITH_ZONE.test(text) ? text : `${text}Z`);
  // The years that RFC 3339 can write.
  if (time >= 0 && time < Date.UTC(10_000, 0)) return new Date(time).toISOString();
  throw new UsageFailure(
    `Invalid ${flag}: ${JSON.stringify(text)} is neither a duration nor a time`,
    { next: `write it as 90s, 15m, 1h or 2d ${direction}, or as 2026-01-31T12:00:00Z` },
  );
}

/**
 * The duration of a flag's text, in milliseconds.
 *
 * @param such durations that the flag takes, for the message
 * @throws {Failure}
 */
export function durationOf(flag: `--${string}`, text: string, such: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new UsageFailure(`Invalid ${flag}: ${JSON.stringify(text)} is not a duration`, {
    next: `write it with its unit, such as ${such}`,
  });
}

/** The value of `--expires`, in milliseconds. */
export function parseLifetime(text: string): number {
  return durationOf("--expires", text, "12h or 30d");
}
