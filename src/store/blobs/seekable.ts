/**
 * Zstandard's seekable format: a content as frames that are compressed each by itself, then a table of
 * their sizes in a skippable frame. `zstd -d` reads it, and so can a range be read without what stands
 * before it. https://github.com/facebook/zstd/blob/dev/contrib/seekable_format
 */
import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { readAt, writeAll } from "../files.ts";

/** Bytes of the content in each frame but the last. */
export const FRAME_BYTES = 256 * 1024;
const TABLE_MAGIC = 0x184d2a5e;
const FOOTER_MAGIC = 0x8f92eab1;
const FOOTER_BYTES = 9;
const TABLE_HEADER_BYTES = 8;
const ROW_BYTES = 8;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** One frame with what a part of the content, at most {@link FRAME_BYTES} of it, is compressed to. */
export async function compressFrame(part: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await compress(part));
}

/** Writes the frames of a content, one after the other, then their table. */
export class SeekableWriter {
  readonly #file: Deno.FsFile;
  readonly #rows: { readonly compressed: number; readonly plain: number }[] = [];

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async write(part: Uint8Array): Promise<void> {
    const frame = await compressFrame(part);
    await writeAll(this.#file, frame);
    this.#rows.push({ compressed: frame.length, plain: part.length });
  }

  async finish(): Promise<void> {
    const payload = this.#rows.length * ROW_BYTES + FOOTER_BYTES;
    const table = Buffer.alloc(TABLE_HEADER_BYTES + payload);
    let at = table.writeUInt32LE(TABLE_MAGIC, 0);
    at = table.writeUInt32LE(payload, at);
    for (const { compressed, plain } of this.#rows) {
      at = table.writeUInt32LE(compressed, at);
      at = table.writeUInt32LE(plain, at);
    }
    at = table.writeUInt32LE(this.#rows.length, at);
    at = table.writeUInt8(0, at);
    table.writeUInt32LE(FOOTER_MAGIC, at);
    await writeAll(this.#file, table);
  }
}

/** Reads parts of a content that {@link SeekableWriter} wrote. */
export class SeekableReader {
  /** The frame that was read last: a reader that goes on in small steps decompresses it once. */
  #last: { readonly frame: number; readonly plain: Uint8Array } | undefined;

  private constructor(
    private readonly file: Deno.FsFile,
    /** Where each frame begins, and where the last one ends. */
    private readonly starts: readonly number[],
  ) {}

  static async open(file: Deno.FsFile): Promise<SeekableReader> {
    const { size } = await file.stat();
    const footer = Buffer.from(await readAt(file, size - FOOTER_BYTES, FOOTER_BYTES));
    const frames = footer.length === FOOTER_BYTES ? footer.readUInt32LE(0) : 0;
    const tableBytes = TABLE_HEADER_BYTES + frames * ROW_BYTES + FOOTER_BYTES;
    if (footer.length < FOOTER_BYTES || footer.readUInt32LE(5) !== FOOTER_MAGIC) {
      throw new Error("a compressed content has no table of its frames");
    }
    const table = Buffer.from(await readAt(file, size - tableBytes, tableBytes));
    const starts = [0];
    for (let row = 0; row < frames; row++) {
      const compressed = table.readUInt32LE(TABLE_HEADER_BYTES + row * ROW_BYTES);
      starts.push((starts.at(-1) ?? 0) + compressed);
    }
    return new SeekableReader(file, starts);
  }

  /** At least one byte from an offset, and at most `length`; none at the end of the content. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const frame = Math.floor(offset / FRAME_BYTES);
    const [start, end] = [this.starts[frame], this.starts[frame + 1]];
    if (start === undefined || end === undefined) return new Uint8Array();
    if (this.#last?.frame !== frame) {
      const compressed = await readAt(this.file, start, end - start);
      const plain = await decompress(compressed, { maxOutputLength: FRAME_BYTES });
      this.#last = { frame, plain: new Uint8Array(plain) };
    }
    const at = offset - frame * FRAME_BYTES;
    return this.#last.plain.slice(at, at + length);
  }
}
