/**
 * JSON as text: its depth before it is parsed, and values with parts that are JSON text already, or content whose size is
 * known before it is read, so that its sender can wait for memory.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = [0x7b, 0x5b];
const CLOSING = [0x7d, 0x5d];
const COMMA = 0x2c;

/** Whether brackets outside strings nest deeper than `levels`. Accepts invalid JSON. */
export function nestsDeeper(json: Uint8Array, levels: number): boolean {
  return excessOf(json, { levels, values: Infinity }) !== undefined;
}

/** Most levels of brackets, and most values: entries of lists and fields of objects. */
interface JsonLimits {
  readonly levels: number;
  readonly values: number;
}

/** The limit that JSON exceeds, found before it is parsed; undefined if it exceeds none. Accepts invalid JSON. */
export function excessOf(json: Uint8Array, limits: JsonLimits): keyof JsonLimits | undefined {
  const { levels, values } = limits;
  // Each level and each value takes a byte.
  if (json.length <= Math.min(levels, values)) return undefined;
  let depth = 0;
  // An object or a list has one value more than commas. An empty one has none, but counts as one.
  let count = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === OPENING[0] || byte === OPENING[1]) {
      if (++depth > levels) return "levels";
      if (++count > values) return "values";
    } else if (byte === CLOSING[0] || byte === CLOSING[1]) {
      depth--;
    } else if (byte === COMMA && ++count > values) {
      return "values";
    }
  }
  return undefined;
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

/** Content that stays where it is stored until it is read. */
export interface DeferredContent {
  readonly byteLength: number;
  /** Reads it; each call reads it again, and gets the same bytes. */
  read(): Promise<Uint8Array>;
  /** Drops what is in memory of it; it is read from where it is stored then. Absent if nothing is. */
  forget?(): void;
}

/** Content in memory that is stored as well, and is read again once it was forgotten. */
export function storedContent(bytes: Uint8Array, read: () => Promise<Uint8Array>): DeferredContent {
  let kept: Uint8Array | undefined = bytes;
  return {
    byteLength: bytes.byteLength,
    read: () => kept === undefined ? read() : Promise.resolve(kept),
    forget: () => kept = undefined,
  };
}

/** Bytes in memory, or content to read later. */
export type Content = Uint8Array | DeferredContent;

/** The bytes of a content. */
export async function readContent(content: Content): Promise<Uint8Array> {
  return content instanceof Uint8Array ? content : await content.read();
}

/** The content as base64. */
function base64Content(content: Content): Content {
  if (content instanceof Uint8Array) return base64Of(content);
  return {
    byteLength: 4 * Math.ceil(content.byteLength / 3),
    read: async () => base64Of(await content.read()),
    forget: () => content.forget?.(),
  };
}

function base64Of(bytes: Uint8Array): Uint8Array {
  return Buffer.from(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
    "latin1",
  );
}

/** One array of all bytes. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
