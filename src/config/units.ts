/** Durations and sizes in words: what people write in flags and read in error messages. */

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

/** `500ms`, `60s`, `5m`, `1h`, `2d` and `0` in milliseconds; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS);
}

/** `100B`, `512KiB`, `128MiB`, `6MB`, `1GiB` and `0` in bytes; undefined for any other text. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTE_UNITS);
}

/**
 * A whole number of milliseconds in words, exactly: `500 ms`, `60 s`, `5 min`, `1 h`, `2 d`.
 * The answer is accepted by {@link parseDuration}. A fraction of a millisecond is rounded.
 */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  const unit = DURATION_UNITS.find(({ factor }) => isReadableIn(whole, factor));
  return unit ? `${whole / unit.factor} ${unit.names[0]}` : `${whole} ms`;
}

/**
 * A whole number of bytes in words, exactly: `100 B`, `512 KiB`, `6 MiB`, `6 MB`, `1 GiB`.
 * The answer is accepted by {@link parseBytes}. A fraction of a byte is rounded.
 */
export function formatBytes(bytes: number): string {
  const whole = Math.round(bytes);
  const unit = BYTE_UNITS.find(({ factor }) => whole >= factor && whole % factor === 0);
  return unit ? `${whole / unit.factor} ${unit.names[0]}` : `${whole} B`;
}

/** One minute reads better as `60 s` and one day as `24 h`; an hour is an hour. */
function isReadableIn(milliseconds: number, factor: number): boolean {
  const least = factor === 60_000 || factor === 86_400_000 ? 2 * factor : factor;
  return milliseconds >= least && milliseconds % factor === 0;
}

function parseQuantity(text: string, units: readonly Unit[]): number | undefined {
  if (text === "0") return 0;
  const [, digits, name] = /^([0-9]{1,15}) ?([A-Za-z]+)$/.exec(text) ?? [];
  const unit = units.find(({ names }) => name !== undefined && names.includes(name));
  if (digits === undefined || unit === undefined) return undefined;
  const value = Number(digits) * unit.factor;
  return Number.isSafeInteger(value) ? value : undefined;
}
