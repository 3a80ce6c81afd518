/**
 * Reads blobs in Zstandard's seekable format: frames that are compressed independently, then a table of their sizes in
 * a skippable frame. Earlier versions wrote compressible blobs in this format; this version only reads it.
 * https://github.com/facebook/zstd/blob/dev/contrib/seekable_format
 */
import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { readAt } from "../../shared/files.ts";

/** Bytes of the content in each frame but the last. */
const FRAME_BYTES = 256 * 1024;
const FOOTER_MAGIC = 0x8f92eab1;
const FOOTER_BYTES = 9;
const TABLE_HEADER_BYTES = 8;
const ROW_BYTES = 8;

const decompress = promisify(zstdDecompress);

/** Reads ranges of a compressed blob. */
export class CompressedBlobReader {
  /** The frame that was read last: a reader that advances in small steps decompresses each frame once. */
  #last: { readonly frame: number; readonly plain: Uint8Array } | undefined;

  private constructor(
    private readonly file: Deno.FsFile,
    /** The offset of each frame, then that of the end. */
    private readonly starts: readonly number[],
  ) {}

  static async open(file: Deno.FsFile): Promise<CompressedBlobReader> {
    const { size } = await file.stat();
    const footer = Buffer.from(await readAt(file, size - FOOTER_BYTES, FOOTER_BYTES));
    const frames = footer.length === FOOTER_BYTES ? footer.readUInt32LE(0) : 0;
    const tableBytes = TABLE_HEADER_BYTES + frames * ROW_BYTES + FOOTER_BYTES;
    if (footer.length < FOOTER_BYTES || footer.readUInt32LE(5) !== FOOTER_MAGIC) {
      throw Object.assign(new Error("the table of the frames of a compressed blob is missing"), {
        code: "ZSTD_table",
      });
    }
    const table = Buffer.from(await readAt(file, size - tableBytes, tableBytes));
    const starts = [0];
    for (let row = 0; row < frames; row++) {
      const compressed = table.readUInt32LE(TABLE_HEADER_BYTES + row * ROW_BYTES);
      starts.push((starts.at(-1) ?? 0) + compressed);
    }
    return new CompressedBlobReader(file, starts);
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
