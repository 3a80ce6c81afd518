/** How two values differ, in lines. */
import { inspect, type InspectOptions, isDeepStrictEqual } from "node:util";

/** Unchanged lines around a change. */
const CONTEXT_LINES = 3;
/** Lines of each value that are aligned; their product is the work. Of longer differences only the start is shown. */
const ALIGNED_LINES_MAX = 500;

const FORM: InspectOptions = {
  compact: false,
  sorted: true,
  depth: Infinity,
  maxArrayLength: Infinity,
  maxStringLength: Infinity,
};

/**
 * The lines of two values, `+` for those of the actual and `-` for those of the expected one; undefined if the values are
 * equal in every part.
 */
export function difference(actual: unknown, expected: unknown): string | undefined {
  try {
    if (isDeepStrictEqual(actual, expected)) return undefined;
    const areTexts = typeof actual === "string" && typeof expected === "string";
    const [ours = [], theirs = []] = areTexts
      ? [actual.split("\n"), expected.split("\n")]
      : [actual, expected].map((value) => inspect(value, FORM).split("\n"));
    return describe(ours, theirs);
  } catch (error) {
    // A getter or a proxy may throw.
    return `the values cannot be compared: ${String(error)}`;
  }
}

function describe(ours: readonly string[], theirs: readonly string[]): string {
  const [before, after] = commonEnds(ours, theirs);
  const [more = [], less = []] = [ours, theirs].map((lines) =>
    lines.slice(before, lines.length - after)
  );
  if (more.length + less.length === 0) {
    return "the values have the same text; their classes or hidden parts differ";
  }
  const start = before - shownOf(before);
  const end = ours.slice(ours.length - after).slice(0, shownOf(after));
  return [
    "+ actual, - expected",
    ...start === 0 ? [] : ["  ..."],
    ...ours.slice(start, before).map((line) => `  ${line}`),
    ...aligned(more, less),
    ...end.map((line) => `  ${line}`),
    ...end.length === after ? [] : ["  ..."],
  ].join("\n");
}

/** How many of unchanged lines are shown; a mark for a single line would be no shorter. */
function shownOf(unchanged: number): number {
  return unchanged > CONTEXT_LINES + 1 ? CONTEXT_LINES : unchanged;
}

/** How many lines at the start, and how many at the end, are the same. */
function commonEnds(a: readonly string[], b: readonly string[]): [number, number] {
  const shorter = Math.min(a.length, b.length);
  let before = 0;
  while (before < shorter && a[before] === b[before]) before++;
  let after = 0;
  while (after < shorter - before && a.at(-1 - after) === b.at(-1 - after)) after++;
  return [before, after];
}

/** The lines of both by their longest common subsequence. */
function aligned(ours: readonly string[], theirs: readonly string[]): string[] {
  const [a = [], b = []] = [ours, theirs].map((lines) => lines.slice(0, ALIGNED_LINES_MAX));
  const width = b.length + 1;
  /** Length of the subsequence of the lines from `i` and from `j` on. */
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j]
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: string[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`  ${a[i++]}`);
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`+ ${a[i++]}`);
    } else lines.push(`- ${b[j++]}`);
  }
  return a.length < ours.length || b.length < theirs.length ? [...lines, "  ..."] : lines;
}
