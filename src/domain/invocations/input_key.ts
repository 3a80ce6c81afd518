/** Keys that calls have by their input. */
import { createHash } from "node:crypto";

/** Longest key that is kept as it is; of a longer one the hash is. */
const KEY_CHARS_MAX = 128;

/** The key of an input: JSON of the value at a JSON Pointer (RFC 6901). Null if the input has none. */
export function inputKey(inputJson: string, pointer: string): string | null {
  let value: unknown = JSON.parse(inputJson);
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  const key = JSON.stringify(value);
  if (key.length <= KEY_CHARS_MAX) return key;
  return `sha256:${createHash("sha256").update(key).digest("base64url")}`;
}
