/** Validates the bytes that a function returned, before any other code of the server parses them. */
import type { SandboxOutcome } from "../contract.ts";

/** Deepest nesting of an output, far below the depth at which recursive readers overflow their stacks. */
export const OUTPUT_DEPTH_MAX_LEVELS = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = [0x7b, 0x5b];
const CLOSING = [0x7d, 0x5d];

/** Whether brackets outside strings nest deeper than `levels`. Accepts invalid JSON. */
export function nestsDeeper(json: Uint8Array, levels: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === OPENING[0] || byte === OPENING[1]) {
      if (++depth > levels) return true;
    } else if (byte === CLOSING[0] || byte === CLOSING[1]) {
      depth--;
    }
  }
  return false;
}

function badOutput(reason: string): SandboxOutcome {
  return { kind: "error", code: "BAD_OUTPUT", message: `the function returned ${reason}` };
}

/** Success for the text of a JSON object, else `BAD_OUTPUT`. */
export function validateOutput(json: Uint8Array): SandboxOutcome {
  if (nestsDeeper(json, OUTPUT_DEPTH_MAX_LEVELS)) {
    return badOutput(`a value nested deeper than ${OUTPUT_DEPTH_MAX_LEVELS} levels`);
  }
  try {
    const outputJson = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    const value: unknown = JSON.parse(outputJson);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return badOutput("no JSON object");
    }
    return { kind: "success", outputJson };
  } catch {
    return badOutput("text that is not JSON");
  }
}
