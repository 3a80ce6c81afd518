const BLOCK_BYTES = 512;
/** Offsets of the fields of a header, in bytes. */
const SIZE = { start: 124, end: 136 };
const CHECKSUM = { start: 148, end: 156 };
const TYPE_AT = 156;
/** The types of POSIX and GNU that the decoder knows; `7` is a file, and `x`, `g`, `L`, `K` describe the next entry. */
const KNOWN_TYPES = "01234567xgLK";
/** Links, devices, directories and pipes: no content follows them, whatever size their header has. */
const BODYLESS_TYPES = "123456";

/**
 * Passes a tar on unchanged, and fails at an entry of an unknown type. The decoder treats those as plain files, and the
 * bytes of a sparse file of GNU tar (`S`) are not its content. See docs/decisions/0002-storage.md.
 *
 * It follows the headers by their sizes and stops checking at a block that is no header: the decoder verifies the rest.
 * @param errorOf makes the error from a name and a type
 */
export function rejectUnknownTypes(
  errorOf: (name: string, type: string) => Error,
): TransformStream<Uint8Array, Uint8Array> {
  const header = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  let skip = 0;
  let ended = false;
  return new TransformStream({
    transform(chunk, controller) {
      for (let at = 0; at < chunk.length && !ended;) {
        const length = Math.min(chunk.length - at, skip > 0 ? skip : BLOCK_BYTES - filled);
        if (skip > 0) skip -= length;
        else {
          header.set(chunk.subarray(at, at + length), filled);
          filled = (filled + length) % BLOCK_BYTES;
          if (filled === 0) {
            const size = isHeader(header) ? sizeOf(header) : Number.NaN;
            const type = String.fromCharCode(header[TYPE_AT] || 0x30);
            ended = !Number.isSafeInteger(size);
            if (!ended && !KNOWN_TYPES.includes(type)) throw errorOf(textOf(header, 0, 100), type);
            skip = BODYLESS_TYPES.includes(type) ? 0 : Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
          }
        }
        at += length;
      }
      controller.enqueue(chunk);
    },
  });
}

function isHeader(block: Uint8Array): boolean {
  let sum = 0;
  for (const [at, byte] of block.entries()) {
    sum += at >= CHECKSUM.start && at < CHECKSUM.end ? 0x20 : byte;
  }
  return sum === parseInt(textOf(block, CHECKSUM.start, CHECKSUM.end).trim(), 8);
}

/** The size in a header: octal digits or, with the highest bit set, a binary number. */
function sizeOf(block: Uint8Array): number {
  const [first = 0, ...rest] = block.subarray(SIZE.start, SIZE.end);
  if ((first & 0x80) !== 0) return rest.reduce((size, byte) => size * 256 + byte, first & 0x7f);
  return parseInt(textOf(block, SIZE.start, SIZE.end).trim() || "0", 8);
}

function textOf(block: Uint8Array, start: number, end: number): string {
  const field = block.subarray(start, end);
  const zero = field.indexOf(0);
  return new TextDecoder().decode(zero === -1 ? field : field.subarray(0, zero));
}
