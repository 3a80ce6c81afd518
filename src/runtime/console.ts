/** The `console` of a function. */
import type { ConsoleClass } from "./harden.ts";
import { byteLength, dataDescriptor, defineProperty, encode, slice } from "./primordials.ts";
import type { Frame } from "./run.ts";
import { FrameKind, LOG_FRAME_MAX_UNITS, LOG_LINE_OVERHEAD_BYTES } from "./wire.ts";

/**
 * Replaces `console` by one that writes a frame for each message until the log limit is exceeded. Returns a function
 * that resets the count.
 */
export function captureConsole(
  ConsoleOf: ConsoleClass,
  frame: Frame,
  logBytes: number,
): () => void {
  let sentBytes = 0;
  const print = (text: string, level: number) => {
    if (sentBytes > logBytes) return;
    // `Console` ends every text with a newline.
    const body = encode(slice(slice(text, 0, -1), 0, LOG_FRAME_MAX_UNITS));
    sentBytes += byteLength(body) + LOG_LINE_OVERHEAD_BYTES;
    frame(FrameKind.LOG + level, body);
  };
  defineProperty(globalThis, "console", dataDescriptor(new ConsoleOf(print), true));
  return () => sentBytes = 0;
}
