import type { Header } from "./client.ts";

/** Bytes of a body of text that a record has at most. */
const BODY_HEAD_BYTES = 1024;

const TEXT_TYPE =
  /^(?:text\/.+|application\/(?:.+\+)?json|application\/x-www-form-urlencoded|multipart\/form-data)$/i;

/** Keeps the first KiB of the body of a request, if its headers say that it is text. */
export class BodyHead {
  readonly #bytes = new Uint8Array(BODY_HEAD_BYTES);
  readonly #isText: boolean;
  #length = 0;

  constructor(headers: readonly Header[]) {
    const valueOf = (wanted: string) =>
      headers.find(([name]) => name.toLowerCase() === wanted)?.[1].trim() ?? "";
    const type = valueOf("content-type").split(";")[0]?.trim() ?? "";
    this.#isText = TEXT_TYPE.test(type) && /^(?:identity)?$/i.test(valueOf("content-encoding"));
  }

  add(bytes: Uint8Array): void {
    if (!this.#isText || this.#length === BODY_HEAD_BYTES) return;
    const part = bytes.subarray(0, BODY_HEAD_BYTES - this.#length);
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
  }

  /** As UTF-8, without a character that the limit has cut; undefined for a body that is no text. */
  get text(): string | undefined {
    if (!this.#isText) return undefined;
    // A decoder that expects more bytes holds back a character that is not whole.
    return new TextDecoder().decode(this.#bytes.subarray(0, this.#length), { stream: true });
  }
}

/** The text of a body in UTF-8, which encodes to just these bytes; undefined for other bytes. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
