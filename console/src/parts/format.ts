/** Numbers, times and sizes in the reader's locale, and text without invisible characters. */

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

/** A duration in ms, such as "1.24 ms", "3.5 s", "2 min 5 s" or "12 d 4 h". */
export function formatDuration(ms: number): string {
  const micros = Math.round(ms * 1_000);
  if (micros < 1_000) return `${digits.format(micros)} µs`;
  // Where three digits round up to the next unit, that unit begins.
  if (ms < 999.5) return `${digits.format(ms)} ms`;
  if (ms < 59_950) return `${digits.format(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < SECONDS_IN.hour) return inUnits(seconds, ["min", SECONDS_IN.minute], ["s", 1]);
  const minutes = ["min", SECONDS_IN.minute] as const;
  const hours = ["h", SECONDS_IN.hour] as const;
  return seconds < 2 * SECONDS_IN.day
    ? inUnits(seconds, hours, minutes)
    : inUnits(seconds, ["d", SECONDS_IN.day], hours);
}

type Unit = readonly [name: string, seconds: number];

function inUnits(seconds: number, [large, size]: Unit, [small, part]: Unit): string {
  const rest = Math.floor((seconds % size) / part);
  const count = `${whole.format(Math.floor(seconds / size))} ${large}`;
  return rest === 0 ? count : `${count} ${rest} ${small}`;
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
  const shown = value < 1_000 ? digits.format(value) : whole.format(Math.round(value));
  return `${shown} ${units[unit]}`;
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

/**
 * Controls without tabs and line ends, formats as marks of direction, separators of lines, and what fonts leave out, as
 * a class of a regular expression.
 */
const CLASS = String
  .raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`;

export const INVISIBLE = new RegExp(CLASS, "gu");
const IS_INVISIBLE = new RegExp(CLASS, "u");
/** An emoji may have joiners and selectors within. */
const EMOJI_OR_INVISIBLE = new RegExp(String.raw`\p{RGI_Emoji}|${CLASS}`, "gv");

/** Text with invisible characters made visible, so that a name cannot pose as another. */
export function visibleText(text: string): string {
  if (!IS_INVISIBLE.test(text)) return text;
  return text.replace(EMOJI_OR_INVISIBLE, (found) => {
    const code = found.codePointAt(0) ?? 0;
    const isEmoji = found.length > String.fromCodePoint(code).length || !IS_INVISIBLE.test(found);
    if (isEmoji) return found;
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
