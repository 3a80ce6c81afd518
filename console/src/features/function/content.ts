const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a file's base64 content; undefined for bytes that are not UTF-8. */
export function textOf(base64: string): string | undefined {
  try {
    return decoder.decode(bytesOf(base64));
  } catch {
    return undefined;
  }
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The base64 of a text in UTF-8. */
export function base64Of(text: string): string {
  return base64OfBytes(new TextEncoder().encode(text));
}

export function base64OfBytes(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
