import { formatBytes, formatCount } from "../../config/mod.ts";
import { nestsDeeper } from "../../shared/json_text.ts";
import { invalid } from "../errors.ts";

export interface InputLimits {
  readonly maxInputBytes: number;
}

/** Deepest nesting of an input; recursive parsers fail far above it. */
const INPUT_DEPTH_MAX = 1000;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * The input's text, checked to be a JSON object. @throws INVALID_FIELD
 * @param json bytes of the request's `json` field; undefined means `{}`
 */
export function checkInput(json: Uint8Array | undefined, limits: InputLimits): string {
  if (json === undefined) return "{}";
  if (json.length > limits.maxInputBytes) {
    throw fault(
      `${formatBytes(json.length)} are more than the limit of ${
        formatBytes(limits.maxInputBytes)
      } (--max-input)`,
    );
  }
  let text: string;
  try {
    text = decoder.decode(json);
  } catch {
    throw fault("is not UTF-8");
  }
  if (nestsDeeper(json, INPUT_DEPTH_MAX)) {
    throw fault(`nests deeper than the limit of ${formatCount(INPUT_DEPTH_MAX)} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fault(`is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return text;
  throw fault(`must hold a JSON object, not ${nameOf(value)}`);
}

function fault(description: string) {
  return invalid({ field: "json", description });
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
