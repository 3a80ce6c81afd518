/** The `console` of a function. */
import type { ConsoleClass } from "./harden.ts";
import {
  bind,
  byteLength,
  charCodeAt,
  dataDescriptor,
  defineProperty,
  encode,
  slice,
} from "./primordials.ts";
import type { FrameWriter } from "./request.ts";
import { FrameKind, LOG_FRAME_MAX_UNITS, LOG_LINE_OVERHEAD_BYTES } from "./wire.ts";

const NEWLINE = 0x0a;
/** `trace` prints at a level of its own, above that of errors. */
const LEVEL_MAX = 3;

/** Makes `clear` of a console do nothing. A log has no screen, and the original prints control sequences. */
export function keepLog(console: object): void {
  defineProperty(console, "clear", dataDescriptor(() => {}, true));
}

/** The log of the invocation in progress. */
export interface InvocationLog {
  /** Begins the log of an invocation. */
  reset(): void;
  /** Logs what background work was rejected with, as an error. Printing may call code of the function. */
  readonly rejected: (thrown: unknown) => void;
}

/** Replaces `console` by one that writes a frame for each message until the log limit is exceeded. */
export function captureConsole(
  ConsoleOf: ConsoleClass,
  frame: FrameWriter,
  logBytes: number,
): InvocationLog {
  let sentBytes = 0;
  /** `trace` prints its text and the newline one after the other. */
  let begun = "";
  const print = (printed: unknown, level: number) => {
    // The stack that `trace` prints is a value of the function if that has an `Error.prepareStackTrace`.
    const text = begun + (typeof printed === "string" ? printed : "");
    const isComplete = charCodeAt(text, text.length - 1) === NEWLINE;
    begun = isComplete ? "" : text;
    if (!isComplete || sentBytes > logBytes) return;
    const body = encode(slice(slice(text, 0, -1), 0, LOG_FRAME_MAX_UNITS));
    sentBytes += byteLength(body) + LOG_LINE_OVERHEAD_BYTES;
    frame(FrameKind.LOG + (level > LEVEL_MAX ? LEVEL_MAX : level), body);
  };
  const captured = new ConsoleOf(print);
  keepLog(captured);
  defineProperty(globalThis, "console", dataDescriptor(captured, true));
  const { error } = captured;
  return {
    reset() {
      sentBytes = 0;
    },
    rejected: bind(error as () => void, captured, "waitUntil:") as InvocationLog["rejected"],
  };
}
