/** Validates the bytes that a function returned, before any other code of the server parses them. */
import { formatCount } from "../../config/mod.ts";
import { nestsDeeper } from "../../shared/json_depth.ts";
import type { SandboxOutcome } from "../contract.ts";

/** Deepest nesting of an output, far below the depth at which recursive readers overflow their stacks. */
const OUTPUT_DEPTH_MAX_LEVELS = 1000;

function badOutput(reason: string): SandboxOutcome {
  return { kind: "error", code: "BAD_OUTPUT", message: `the function returned ${reason}` };
}

/** Success for the text of a JSON object, else `BAD_OUTPUT`. */
export function validateOutput(json: Uint8Array): SandboxOutcome {
  if (nestsDeeper(json, OUTPUT_DEPTH_MAX_LEVELS)) {
    return badOutput(`a value nested deeper than ${formatCount(OUTPUT_DEPTH_MAX_LEVELS)} levels`);
  }
  try {
    const outputJson = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    const value: unknown = JSON.parse(outputJson);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return badOutput("a value that is not a JSON object");
    }
    return { kind: "success", outputJson };
  } catch {
    return badOutput("text that is not JSON");
  }
}
