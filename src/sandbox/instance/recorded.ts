/** What a script used while a template evaluated it, as the template reports it. The script may have forged all of it. */
import {
  LAST_STACK_MAX_UNITS,
  READING_STACK_MAX_UNITS,
  type Readings,
  READINGS_MAX,
  READINGS_MAX_UNITS,
} from "../../runtime/wire.ts";

/** One call of what differs between invocations. */
export interface RecordedUse {
  readonly called: string;
  /** Frames of V8, of which the last one may be the script's. */
  readonly stack: string;
}

/** All of one evaluation. */
export interface Recorded {
  readonly uses: readonly RecordedUse[];
  /** Whether there are no others. Otherwise the last use is where the record ends. */
  readonly isComplete: boolean;
  /** Time that recording took, which is in that of the evaluation. */
  readonly ms: number;
}

/** Most bytes of one UTF-16 unit in UTF-8, and as an escape in JSON. */
const UTF8_BYTES_PER_UNIT = 3;
const ESCAPE_BYTES_PER_UNIT = 6;
/** Most bytes of the JSON of a record. The template stops at the limit of text, with one use more. */
export const RECORDED_MAX_BYTES = UTF8_BYTES_PER_UNIT * READINGS_MAX_UNITS +
  ESCAPE_BYTES_PER_UNIT * (READING_STACK_MAX_UNITS + LAST_STACK_MAX_UNITS) + 1024;
const CALLED = /^[A-Za-z][\w ./]{0,63}$/;
const MICROS_PER_MS = 1000;

export const NOTHING_RECORDED: Recorded = { uses: [], isComplete: true, ms: 0 };

/** Reads the body of a `READINGS` frame; undefined for what the runtime cannot have written. */
export function recordedOf(bytes: Uint8Array): Recorded | undefined {
  try {
    const { complete, micros, uses }: Readings = JSON.parse(new TextDecoder().decode(bytes));
    if (!Array.isArray(uses) || uses.length > 2 * (READINGS_MAX + 1)) return undefined;
    if (uses.some((text) => typeof text !== "string")) return undefined;
    const read: RecordedUse[] = [];
    for (let at = 0; at + 1 < uses.length; at += 2) {
      const [called = "", stack = ""] = uses.slice(at, at + 2);
      if (!CALLED.test(called)) return undefined;
      read.push({ called, stack });
    }
    return {
      uses: read,
      isComplete: complete === true,
      ms: Number.isFinite(micros) ? Math.max(0, micros / MICROS_PER_MS) : 0,
    };
  } catch {
    return undefined;
  }
}
