import { ObjectError } from "../../../shared/objects.ts";
import type { ChunkSource } from "../chunk_source.ts";
import { CHUNK_BYTES } from "../codec.ts";
import { S3Error } from "./client.ts";

/** Chunks that a request fetches once a reader advances from chunk to chunk. */
const READ_AHEAD_CHUNKS = 16;

/** Reads bytes of one stored content. @throws S3Error, ObjectsUnavailable */
type ReadRange = (range: string, maxBytes: number) => Promise<Uint8Array>;

/** The chunks of one object. A reader that advances gets several with one request. */
export class S3Chunks implements ChunkSource {
  /** The chunks from `at` on that the last request has fetched. */
  #fetched: { readonly at: number; readonly bytes: Uint8Array } = {
    at: 0,
    bytes: new Uint8Array(),
  };
  #last = -1;

  /** @param missing makes the error for a content that is not there */
  constructor(private readonly read: ReadRange, private readonly missing: () => ObjectError) {}

  async chunk(index: number): Promise<Uint8Array> {
    const advances = index === this.#last + 1 && index > 0;
    this.#last = index;
    const known = this.#known(index);
    if (known !== undefined) return known;
    const count = advances ? READ_AHEAD_CHUNKS : 1;
    const from = index * CHUNK_BYTES;
    const bytes = await this.#range(from, count * CHUNK_BYTES);
    this.#fetched = { at: index, bytes };
    return this.#known(index) ?? new Uint8Array();
  }

  /** Bytes from an offset; fewer at the end of the content. */
  async #range(from: number, length: number): Promise<Uint8Array> {
    try {
      return await this.read(`bytes=${from}-${from + length - 1}`, length);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      if (error.status === 404) throw this.missing();
      // The content ends before the offset, although its first chunk says otherwise.
      if (error.status === 416) return new Uint8Array();
      throw error;
    }
  }

  #known(index: number): Uint8Array | undefined {
    const { at, bytes } = this.#fetched;
    const from = (index - at) * CHUNK_BYTES;
    return from < 0 || from >= bytes.length ? undefined : bytes.slice(from, from + CHUNK_BYTES);
  }
}
