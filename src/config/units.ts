/** Durations, sizes and counts in words: what people write in flags and read in messages. */

interface Unit {
  readonly names: readonly [string, ...string[]];
  readonly factor: number;
}

const DURATION_UNITS: readonly Unit[] = [
  { names: ["d"], factor: 86_400_000 },
  { names: ["h"], factor: 3_600_000 },
  { names: ["min", "m"], factor: 60_000 },
  { names: ["s"], factor: 1000 },
  { names: ["ms"], factor: 1 },
];

const BYTE_UNITS: readonly Unit[] = [
  { names: ["GiB"], factor: 1024 ** 3 },
  { names: ["MiB"], factor: 1024 ** 2 },
  { names: ["KiB"], factor: 1024 },
  { names: ["GB"], factor: 1000 ** 3 },
  { names: ["MB"], factor: 1000 ** 2 },
  { names: ["kB", "KB"], factor: 1000 },
  { names: ["B"], factor: 1 },
];

/** The names of the units of {@link parseDuration}. */
export const DURATION_UNIT_NAMES = DURATION_UNITS.flatMap(({ names }) => names);
/** The names of the units of {@link parseBytes}. */
export const BYTE_UNIT_NAMES = BYTE_UNITS.flatMap(({ names }) => names);

/** `500ms`, `60s`, `5m`, `1h`, `2d` and `0` in milliseconds; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS);
}

/** `100B`, `512KiB`, `128MiB`, `6MB`, `1GiB` and `0` in bytes; undefined for any other text. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTE_UNITS);
}

/**
 * A whole number of milliseconds in words, exactly: `500 ms`, `1,500 ms`, `60 s`, `5 min`, `1 h`, `2 d`.
 * {@link parseDuration} accepts the result. A fraction of a millisecond is rounded.
 */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  const unit = DURATION_UNITS.find(({ factor }) => isReadableIn(whole, factor));
  return unit ? `${formatCount(whole / unit.factor)} ${unit.names[0]}` : `${whole} ms`;
}

/**
 * A whole number of bytes in words, exactly: `100 B`, `1,025 B`, `512 KiB`, `6 MiB`, `6 MB`, `1 GiB`.
 * {@link parseBytes} accepts the result. A fraction of a byte is rounded.
 */
export function formatBytes(bytes: number): string {
  const whole = Math.round(bytes);
  const unit = BYTE_UNITS.find(({ factor }) => whole >= factor && whole % factor === 0);
  return unit ? `${formatCount(whole / unit.factor)} ${unit.names[0]}` : `${whole} B`;
}

/** Digits, with or without thousands separators. */
const COUNT_TEXT = /^(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})$/;
/** Where a thousands separator belongs: before each three digits, and in no fraction. */
const THOUSANDS = /(?<!\.\d*)\B(?=(?:\d{3})+(?!\d))/g;

/** A whole number, with or without thousands separators; undefined for any other text. */
export function parseCount(text: string): number | undefined {
  return COUNT_TEXT.test(text) ? Number(text.replaceAll(",", "")) : undefined;
}

/** A number with thousands separators: `1,000`. {@link parseCount} accepts a whole number. */
export function formatCount(count: number): string {
  return `${count}`.replace(THOUSANDS, ",");
}

/** A count with its noun: `1 file`, `1,000 files`. @param plural of a noun that takes more than an s */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** One minute reads better as `60 s`, and one day as `24 h`. */
function isReadableIn(milliseconds: number, factor: number): boolean {
  const least = factor === 60_000 || factor === 86_400_000 ? 2 * factor : factor;
  return milliseconds >= least && milliseconds % factor === 0;
}

function parseQuantity(text: string, units: readonly Unit[]): number | undefined {
  if (text === "0") return 0;
  const [, digits = "", name] = /^([0-9,]+) ?([A-Za-z]+)$/.exec(text) ?? [];
  const unit = units.find(({ names }) => name !== undefined && names.includes(name));
  const count = parseCount(digits);
  if (count === undefined || unit === undefined) return undefined;
  const value = count * unit.factor;
  return Number.isSafeInteger(value) ? value : undefined;
}
