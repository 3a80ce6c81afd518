/** Content whose size is known before it is read, so that its sender can wait for memory. */

/** Content that stays where it is stored until it is read. */
export interface DeferredContent {
  readonly byteLength: number;
  /** Reads it; each call reads it again, and gets the same bytes. */
  read(): Promise<Uint8Array>;
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
  };
}

function base64Of(bytes: Uint8Array): Uint8Array {
  return Buffer.from(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
    "latin1",
  );
}
