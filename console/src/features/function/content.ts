import { decodeBytes } from "../../api/base64.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a file's base64 content; undefined for bytes that are not UTF-8. */
export function textOf(base64: string): string | undefined {
  try {
    return decoder.decode(decodeBytes(base64));
  } catch {
    return undefined;
  }
}
