import { concatenate } from "./json_text.ts";

/** What a block may hold beyond the bytes for which it is made: as many as there are before it, within these bounds. */
const SPARE_MIN_BYTES = 16 * 1024;
const SPARE_MAX_BYTES = 1024 * 1024;

/**
 * The bytes of a body that arrives in chunks. Its sender chooses the chunks, and a chunk that is kept takes some 450 bytes
 * beside its own: so chunks are copied into blocks, and the memory follows the bytes.
 */
export class GatheredBytes {
  /** The only chunk so far, which is not copied: most bodies have no other. */
  #only: Uint8Array | undefined;
  /** Full but for the last one. */
  readonly #blocks: Uint8Array[] = [];
  #lastBytes = 0;
  #length = 0;
  #capacity = 0;

  /** @param bytesMax most bytes that are added */
  constructor(private readonly bytesMax: number) {}

  /** Bytes that were added. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of memory that are taken. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Adds a chunk. The first one must not change afterwards. */
  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#length === 0) {
      this.#only = chunk;
      this.#length = this.#capacity = chunk.length;
      return;
    }
    if (this.#only !== undefined) {
      this.#blocks.push(this.#only);
      this.#lastBytes = this.#only.length;
      this.#only = undefined;
    }
    this.#length += chunk.length;
    this.#copy(chunk);
  }

  /** All bytes in one array. */
  bytes(): Uint8Array {
    if (this.#only !== undefined) return this.#only;
    const last = this.#blocks.at(-1)?.subarray(0, this.#lastBytes);
    return last === undefined
      ? new Uint8Array()
      : concatenate([...this.#blocks.slice(0, -1), last]);
  }

  #copy(chunk: Uint8Array): void {
    const last = this.#blocks.at(-1);
    const free = last === undefined ? 0 : last.length - this.#lastBytes;
    const fitting = chunk.subarray(0, free);
    last?.set(fitting, this.#lastBytes);
    this.#lastBytes += fitting.length;
    const rest = chunk.subarray(free);
    if (rest.length === 0) return;
    const spare = Math.max(SPARE_MIN_BYTES, Math.min(this.#capacity, SPARE_MAX_BYTES));
    const block = new Uint8Array(
      Math.max(rest.length, Math.min(spare, this.bytesMax - this.#capacity)),
    );
    block.set(rest);
    this.#blocks.push(block);
    this.#lastBytes = rest.length;
    this.#capacity += block.length;
  }
}

/**
 * Reads a body to its end.
 * @param tooLarge makes the error of a body with more bytes
 */
export async function gatherBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytesMax: number,
  tooLarge: () => Error,
): Promise<Uint8Array> {
  const gathered = new GatheredBytes(bytesMax);
  for await (const chunk of chunks) {
    if (gathered.length + chunk.length > bytesMax) throw tooLarge();
    gathered.add(chunk);
  }
  return gathered.bytes();
}
