/** Bytes of the API are base64 in its JSON. */

/** Base64 of UTF-8 text. */
export function encodeBase64(text: string): string {
  return encodeBytes(new TextEncoder().encode(text));
}

export function encodeBytes(bytes: Uint8Array): string {
  // In pieces: an argument for each byte would exceed the stack.
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

/** Text of base64; bytes that are no UTF-8 become replacement characters. */
export function decodeBase64(base64: string): string {
  return new TextDecoder().decode(decodeBytes(base64));
}

export function decodeBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Base64 in the alphabet of URLs, without padding. */
export function toUrlBase64(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
