/** The times of a schedule. */
import { characters, exceeds } from "../../config/mod.ts";
import { Cron } from "croner";
import { invalid } from "../errors.ts";
import type { ScheduleSettings } from "./settings.ts";

const CRON_CHARS_MAX = 256;
const FIELDS = 5;
const NICKNAME = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/i;

type Times = Pick<ScheduleSettings, "cronSpec" | "at" | "timezone" | "start">;

/**
 * The next times after a time, at most `count`; fewer if no more follow.
 * A line with a wildcard runs in each of two hours of the same name; one without runs once a day, and at the first
 * instant after a time that a change of the clock leaves out.
 */
export function timesAfter(schedule: Times, after: Date, count: number): Date[] {
  const { cronSpec, at, start } = schedule;
  if (at !== undefined) return Date.parse(at) > after.getTime() ? [new Date(at)] : [];
  if (cronSpec === undefined) return [];
  // Croner begins after a time, and a schedule may run at its start.
  const from = Math.max(after.getTime(), start === undefined ? 0 : Date.parse(start) - 1);
  return cronOf(cronSpec, schedule.timezone).nextRuns(count, new Date(from));
}

/** The times before a time, at most `count`, the last first. */
export function timesBefore(schedule: Times, before: Date, count: number): Date[] {
  const { cronSpec, at, start, timezone } = schedule;
  if (at !== undefined) return Date.parse(at) < before.getTime() ? [new Date(at)] : [];
  if (cronSpec === undefined) return [];
  const first = start === undefined ? -Infinity : Date.parse(start);
  return cronOf(cronSpec, timezone).previousRuns(count, before)
    .filter((time) => time.getTime() >= first);
}

/** The next time after a time. */
export function timeAfter(schedule: Times, after: Date): Date | undefined {
  return timesAfter(schedule, after, 1)[0];
}

/**
 * Checks a schedule that is new or has changed.
 * @param prefix of the fields in the request
 * @throws INVALID_FIELD for a line or zone that is wrong, and for times that do not come
 */
export function checkTimes(schedule: Times, now: Date, prefix: string): void {
  const { cronSpec, at, timezone, start } = schedule;
  checkZone(timezone, prefix);
  if ((cronSpec === undefined) === (at === undefined)) {
    throw invalid({
      field: `${prefix}cronSpec`,
      description: "exactly one of cronSpec and at is needed",
    });
  }
  if (at !== undefined) {
    if (start !== undefined) {
      throw invalid({ field: `${prefix}start`, description: "must be absent where at is given" });
    }
    if (Date.parse(at) > now.getTime()) return;
    throw invalid({
      field: `${prefix}at`,
      description: `must be in the future; the time of the server is ${now.toISOString()}`,
    });
  }
  checkLine(cronSpec ?? "", timezone, prefix);
  if (timeAfter(schedule, now) !== undefined) return;
  throw invalid({
    field: `${prefix}cronSpec`,
    description: `${JSON.stringify(cronSpec)} never comes`,
  });
}

function checkZone(timezone: string, prefix: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
    // Also accepted are offsets such as +01:00, which have no rules.
    if (/^[A-Za-z]/.test(timezone)) return;
  } catch {
    // Described below.
  }
  throw invalid({
    field: `${prefix}timezone`,
    description: `${JSON.stringify(timezone)} is not a name of the IANA time zone database, ` +
      "such as Europe/Berlin",
  });
}

function checkLine(cronSpec: string, timezone: string, prefix: string): void {
  const violation = (description: string) => invalid({ field: `${prefix}cronSpec`, description });
  if (cronSpec.length > CRON_CHARS_MAX) {
    throw violation(exceeds(cronSpec.length, CRON_CHARS_MAX, characters));
  }
  const fields = cronSpec.trim().split(/\s+/).length;
  if (fields !== FIELDS && !NICKNAME.test(cronSpec.trim())) {
    throw violation(
      "must have the five fields minute, hour, day, month and day of the week, " +
        `or be a name such as @daily; ${JSON.stringify(cronSpec)} has ${fields}`,
    );
  }
  try {
    cronOf(cronSpec, timezone);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Cron\w*: /, "") : error;
    throw violation(`${JSON.stringify(cronSpec)} is not a cron line: ${reason}`);
  }
}

function cronOf(cronSpec: string, timezone: string): Cron {
  return new Cron(cronSpec.trim(), {
    timezone,
    paused: true,
    mode: "5-part",
    fixedTimeRule: "no-wildcard",
  });
}
