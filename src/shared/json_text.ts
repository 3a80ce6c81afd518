/** JSON as text: its depth before it is parsed, and values with parts that are JSON text already. */
import { base64Content, type Content } from "./content.ts";

/** The depth of JSON text, measured before it is parsed. */

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

/** A part of a JSON text: text itself, or UTF-8 bytes of it. */
export type JsonPart = string | Content;

/** Marks an embedded part in the text until that is split; nobody can guess it. */
const MARK = crypto.randomUUID();
const QUOTED_MARK = JSON.stringify(MARK);

/** The embedded parts of the value that is encoded now, in order. */
let embedded: JsonPart[][] = [];

/** Occurs in a JSON value, in place of what its parts are the text of. */
class EmbeddedJson {
  constructor(private readonly parts: JsonPart[]) {}

  toJSON(): string {
    embedded.push(this.parts);
    return MARK;
  }
}

/**
 * Embeds the text of a JSON object.
 * @param text UTF-8; validated when it was stored
 */
export function embeddedObject(text: Content): Record<string, unknown> {
  return new EmbeddedJson([text]) as unknown as Record<string, unknown>;
}

/** Longest content in memory that becomes part of the text at once: one string costs less than three parts. */
const INLINE_BYTES_MAX = 16 * 1024;

/** Embeds a string: the content as base64. */
export function embeddedBase64(content: Content): string {
  if (content instanceof Uint8Array && content.length <= INLINE_BYTES_MAX) {
    return content.toBase64();
  }
  return new EmbeddedJson(['"', base64Content(content), '"']) as unknown as string;
}

/** The text of a JSON value, in parts. */
export function encodeJson(value: unknown): JsonPart[] {
  embedded = [];
  const [first = "", ...others] = JSON.stringify(value).split(QUOTED_MARK);
  const parts: JsonPart[] = [first];
  for (const [at, text] of others.entries()) parts.push(...embedded[at] ?? [], text);
  embedded = [];
  return parts;
}
