const BLOCK_BYTES = 512;
/** Where a header has what, in bytes. */
const SIZE = { start: 124, end: 136 };
const CHECKSUM = { start: 148, end: 156 };
const TYPE_AT = 156;
/** Types of POSIX, without that of old archives (a zero byte); `7` is a file; `x`, `g`, `L`, `K` tell of the next. */
const KNOWN_TYPES = "01234567xgLK";
/** Links, devices, directories and pipes: whatever size they claim, nothing follows them. */
const BODYLESS_TYPES = "123456";

/**
 * Passes a tar on as it is, and fails at an entry of a type that POSIX does not have. The decoder takes those for
 * plain files; but what a sparse file of GNU tar (`S`) has in the archive is not its content.
 *
 * It goes from header to header by their sizes. Where it does not find one, it looks no further: whether the archive
 * is whole is for the decoder to say.
 * @param refuse gives the error for a name and a type
 */
export function refuseUnknownTypes(
  refuse: (name: string, type: string) => Error,
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
            if (!ended && !KNOWN_TYPES.includes(type)) throw refuse(textOf(header, 0, 100), type);
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

/** The size that a header has: octal digits, or, with the highest bit set, a binary number. */
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
