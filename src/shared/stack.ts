/** Maps the stack of an error from the bundle to the author's files. */
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** Most frames that an error message shows. */
export const STACK_FRAMES_MAX = 30;
/** Longest function name in a frame, in UTF-16 units. */
const FUNCTION_NAME_MAX_UNITS = 100;

/**
 * A frame of V8: `    at name (location)` or `    at location`. Evaluated code has the location
 * `invoked:bundle.js, <anonymous>:LINE:COL`.
 */
const FRAME = /^\s+at ([^\r\u2028\u2029]*)$/;
const BUNDLE_LOCATION = /^invoked:bundle\.js(?:, <anonymous>)?:(\d{1,9}):(\d{1,9})$/;
/** Every such location in a text. */
const BUNDLE_LOCATIONS = /invoked:bundle\.js(?:, <anonymous>)?:(\d{1,9}):(\d{1,9})/g;
const BUNDLE_NAME = "invoked:bundle.js";
/** A built-in function, or the index of a promise in `Promise.all` or `Promise.any`. */
const NATIVE_LOCATION = /^(?:<anonymous>|index \d{1,9})$/;

/** The file of positions without a map. */
const UNMAPPED_FILE = "bundle.js";
/** The bootstrap puts one parenthesis before the first line of the script. */
const FIRST_LINE_SHIFT_COLUMNS = 1;

/** One position in the bundle, both 1-based. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** A position in a file. */
interface FilePosition extends Position {
  readonly file: string;
}

/** The position in the author's files. */
function originalOf(map: TraceMap | undefined, { line, column }: Position): FilePosition {
  const shift = line === 1 ? FIRST_LINE_SHIFT_COLUMNS : 0;
  const unmapped = { file: UNMAPPED_FILE, line, column };
  if (map === undefined) return unmapped;
  const at = originalPositionFor(map, { line, column: Math.max(0, column - 1 - shift) });
  return at.source === null ? unmapped : { file: at.source, line: at.line, column: at.column + 1 };
}

/** The same as `main.ts:LINE:COL`. */
function mapped(map: TraceMap | undefined, position: Position): string {
  const { file, line, column } = originalOf(map, position);
  return `${file}:${line}:${column}`;
}

/** One frame of a mapped stack. */
interface StackFrame {
  readonly functionName: string | undefined;
  /** `main.ts:LINE:COL`, or `<anonymous>` or `index 0` for a built-in function. */
  readonly location: string;
}

/** A frame of a script, one line of a stack. */
export interface ScriptFrame {
  /** Line in the script, from 1. */
  readonly line: number;
  /** As V8 names it. */
  readonly functionName: string | undefined;
  /** By the source map: path of the author's file, or `npm:name@version/path`; undefined for what no file has. */
  readonly file: string | undefined;
  readonly fileLine: number;
}

/** Maps stacks of one script. */
export class StackMap {
  private constructor(private readonly map: TraceMap | undefined) {}

  /** Reads the source map. Without a valid one, locations are those of the bundle. */
  static async open(sourceMap: () => Promise<string>): Promise<StackMap> {
    try {
      return new StackMap(new TraceMap(await sourceMap()));
    } catch {
      return new StackMap(undefined);
    }
  }

  /**
   * The text with every location in the bundle as one in the author's files.
   * @param quote makes a location a part of the text, such as one of JSON
   */
  text(text: string, quote = (location: string) => location): string {
    return text.replace(
      BUNDLE_LOCATIONS,
      (_, line, column) => quote(mapped(this.map, { line: Number(line), column: Number(column) })),
    );
  }

  /** Whether locations can be those of files. */
  get isMapped(): boolean {
    return this.map !== undefined;
  }

  /** Reads one line of a stack; undefined for code that is not in the bundle. */
  frame(text: string): ScriptFrame | undefined {
    const frame = partsOf(text);
    const inBundle = BUNDLE_LOCATION.exec(frame?.location ?? "");
    if (inBundle === null) return undefined;
    const [line, column] = [Number(inBundle[1]), Number(inBundle[2])];
    const { file, line: fileLine } = originalOf(this.map, { line, column });
    return {
      line,
      functionName: frame?.functionName?.slice(0, FUNCTION_NAME_MAX_UNITS),
      file: file === UNMAPPED_FILE ? undefined : file,
      fileLine,
    };
  }

  /**
   * The frames of the author's files and packages, mapped lazily. Drops the text before the first frame: the function
   * controls it, and the error's name and message are reported anyway.
   */
  *frames(stack: string): Generator<StackFrame> {
    for (const line of stack.split("\n")) {
      const frame = partsOf(line);
      if (frame === undefined) continue;
      const { functionName, location } = frame;
      const inBundle = BUNDLE_LOCATION.exec(location);
      if (inBundle === null && !NATIVE_LOCATION.test(location)) continue;
      const position = { line: Number(inBundle?.[1]), column: Number(inBundle?.[2]) };
      yield {
        functionName: functionName?.slice(0, FUNCTION_NAME_MAX_UNITS),
        location: inBundle === null ? location : mapped(this.map, position),
      };
    }
  }
}

/**
 * The parts of `at name (location)` or `at location`; undefined for another line. A function writes the line, so the work
 * grows with its length alone.
 */
function partsOf(
  line: string,
): { readonly functionName: string | undefined; readonly location: string } | undefined {
  const text = FRAME.exec(line)?.[1];
  if (text === undefined) return undefined;
  const open = text.indexOf(" (");
  return open < 0 || !text.endsWith(")")
    ? { functionName: undefined, location: text }
    : { functionName: text.slice(0, open), location: text.slice(open + 2, -1) };
}

/** Opens the stack map of a script. */
export type StackMapReader = () => Promise<StackMap>;

/** Opens the stack map at the first use, and once. */
export function lazyStackMap(open: StackMapReader): StackMapReader {
  let opened: Promise<StackMap> | undefined;
  return () => opened ??= open();
}

/** Whether the text may have a location that {@link StackMap.text} maps. */
export function mayHaveLocations(text: string): boolean {
  return text.includes(BUNDLE_NAME);
}

/** A text with its locations mapped. @param quote as in {@link StackMap.text} */
export async function mapText(
  text: string,
  stackMap: StackMapReader,
  quote?: (location: string) => string,
): Promise<string> {
  return mayHaveLocations(text) ? (await stackMap()).text(text, quote) : text;
}

/** A frame as V8 prints it. */
export function formatFrame({ functionName, location }: StackFrame): string {
  return functionName === undefined ? `    at ${location}` : `    at ${functionName} (${location})`;
}

/** The first {@link STACK_FRAMES_MAX} frames of `stack` as text. */
export async function mapStack(
  stack: string,
  stackMap: StackMapReader,
): Promise<readonly string[]> {
  if (!stack.split("\n").some((line) => FRAME.test(line))) return [];
  const map = await stackMap();
  return map.frames(stack).take(STACK_FRAMES_MAX).map(formatFrame).toArray();
}
