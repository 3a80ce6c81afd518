/** Maps the stack of a function's error from the bundle to the author's files. */
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** Most frames that an error message shows. */
const STACK_FRAMES_MAX = 30;
/** Longest function name in a frame, in UTF-16 units. */
const FUNCTION_NAME_MAX_UNITS = 100;

/**
 * A frame of V8: `    at name (place)` or `    at place`. Evaluated code has the place
 * `invoked:bundle.js, <anonymous>:LINE:COL`.
 */
const FRAME = /^\s+at (?:(.*?) \((.*)\)|(.*))$/;
const BUNDLE_PLACE = /^invoked:bundle\.js(?:, <anonymous>)?:(\d{1,9}):(\d{1,9})$/;
const NATIVE_PLACE = "<anonymous>";

/** The bootstrap puts one parenthesis before the first line of the script. */
const FIRST_LINE_SHIFT_COLUMNS = 1;

/** One position in the bundle, both 1-based. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a position of the bundle stands in the author's files, as `main.ts:LINE:COL`. */
function mapped(map: TraceMap | undefined, { line, column }: Position): string {
  const shift = line === 1 ? FIRST_LINE_SHIFT_COLUMNS : 0;
  const unmapped = `bundle.js:${line}:${column}`;
  if (map === undefined) return unmapped;
  const at = originalPositionFor(map, { line, column: Math.max(0, column - 1 - shift) });
  return at.source === null ? unmapped : `${at.source}:${at.line}:${at.column + 1}`;
}

/** One frame for the author, or undefined where it is the runtime's own. */
function mapFrame(frame: string, map: TraceMap | undefined): string | undefined {
  const match = FRAME.exec(frame);
  if (match === null) return undefined;
  const name = match[1]?.slice(0, FUNCTION_NAME_MAX_UNITS);
  const place = match[2] ?? match[3] ?? "";
  const inBundle = BUNDLE_PLACE.exec(place);
  if (inBundle === null && place !== NATIVE_PLACE) return undefined;
  const position = { line: Number(inBundle?.[1]), column: Number(inBundle?.[2]) };
  const shown = inBundle === null ? place : mapped(map, position);
  return name === undefined ? `    at ${shown}` : `    at ${name} (${shown})`;
}

async function readMap(sourceMap: () => Promise<string>): Promise<TraceMap | undefined> {
  try {
    return new TraceMap(await sourceMap());
  } catch {
    return undefined;
  }
}

/**
 * The frames of `stack` that belong to the author's files and packages, mapped. The text of the error
 * before them is dropped: a function can write it, and it is told by name and message anyway.
 */
export async function mapStack(
  stack: string,
  sourceMap: () => Promise<string>,
): Promise<readonly string[]> {
  const frames = stack.split("\n").filter((line) => FRAME.test(line));
  if (frames.length === 0) return [];
  const map = await readMap(sourceMap);
  return frames.map((frame) => mapFrame(frame, map))
    .filter((frame) => frame !== undefined)
    .slice(0, STACK_FRAMES_MAX);
}
