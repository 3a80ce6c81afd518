/** Bytes, and content whose size is known before it is read, so that its sender can wait for memory. */

/** Content whose size is known before it is read, so that its sender can wait for memory. */

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
export function base64Content(content: Content): Content {
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
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
