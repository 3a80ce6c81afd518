/** Numbers, times and sizes in the reader's locale. */

const SECONDS_IN = { day: 86_400, hour: 3_600, minute: 60, second: 1 } as const;
const relative = new Intl.RelativeTimeFormat(undefined, {
  numeric: "auto",
  style: "short",
});
const clock = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});
const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, {
  notation: "compact",
  maximumFractionDigits: 1,
});
const digits = new Intl.NumberFormat(undefined, {
  maximumSignificantDigits: 3,
});

/** Such as "3 min. ago"; a date after a week. */
export function formatRelative(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1_000;
  if (Math.abs(seconds) >= 7 * SECONDS_IN.day) {
    return time.toLocaleDateString(undefined, { dateStyle: "medium" });
  }
  for (const [unit, length] of Object.entries(SECONDS_IN)) {
    if (Math.abs(seconds) >= length || unit === "second") {
      return relative.format(
        Math.trunc(seconds / length),
        unit as keyof typeof SECONDS_IN,
      );
    }
  }
  return relative.format(0, "second");
}

/** Date and time of day with seconds. */
export function formatExact(time: Date): string {
  return clock.format(time);
}

/** A duration in ms, such as "1.24 ms", "3.5 s" or "2 min 5 s". */
export function formatDuration(ms: number): string {
  if (ms < 1) return `${digits.format(Math.round(ms * 1_000))} µs`;
  if (ms < 1_000) return `${digits.format(ms)} ms`;
  if (ms < 60_000) return `${digits.format(ms / 1_000)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) {
    const seconds = Math.round((ms % 60_000) / 1_000);
    return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Milliseconds of the API's durations, such as "1.5s"; undefined for anything else. */
export function parseDuration(text: string | undefined): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)s$/.exec(text ?? "");
  return match?.[1] === undefined ? undefined : Number(match[1]) * 1_000;
}

/** Bytes in binary units, such as "1.5 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${digits.format(value)} ${units[unit]}`;
}

/** A whole number with separators. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** A count with its noun, such as "1 file" or "2 files". */
export function countOf(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

/** A number in few characters, such as "12.4K". */
export function formatCompact(count: number): string {
  return short.format(count);
}

/** The start of an id, which differs among the ids of one page. */
export function shortId(id: string): string {
  return id.length > 12 ? id.slice(-8) : id;
}

/** A wire enum's value in words: `TRIGGER_KIND_SCHEDULE` without its prefix becomes "Schedule". */
export function enumWords(value: string | undefined, prefix: string): string {
  const words = (value ?? "").replace(new RegExp(`^${prefix}_`), "")
    .toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
