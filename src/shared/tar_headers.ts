const BLOCK_BYTES = 512;
/** A compressed archive begins with it, and no name in an archive does. */
const GZIP_BYTE = 0x1f;
/** Offsets of the fields of a header, in bytes. */
const SIZE = { start: 124, end: 136 };
const CHECKSUM = { start: 148, end: 156 };
const TYPE_AT = 156;
/** The types of POSIX and GNU that the decoder knows; `7` is a file. */
const ENTRY_TYPES = "01234567";
/** Links, devices, directories and pipes: no content follows them, whatever size their header has. */
const BODYLESS_TYPES = "123456";
/** Headers of POSIX (`x`, `g`) and GNU (`L`, `K`) that describe the entry, or the entries, after them. */
const EXTENDED_TYPES = "xgLK";
const PAX_TYPES = "xg";
/** Extended headers of one entry: their bytes and records. The decoder reads each header whole, in one step. */
const EXTENDED_BYTES_MAX = 64 * 1024;
const EXTENDED_RECORDS_MAX = 64;

/** Why a sparse file is rejected: the archive has its content without the holes. */
export const SPARSE = "it is a sparse file, make the archive without --sparse (-S)";

/** Makes the error of an entry from its name, or the name that its header has, and the reason. */
type ErrorOf = (name: string, why: string) => Error;

/**
 * Passes a tar on unchanged, and fails at a header that the decoder would treat wrongly or read too slowly: a type that
 * it does not know, which it takes for a file, and extended headers without a bound. The bytes of a sparse file of
 * GNU tar (`S`) are not its content. See docs/decisions.md.
 *
 * It follows the headers by their sizes up to the block of zeros that ends them. A size or checksum that the decoder
 * could read in another way is an error: no header hides in what the other takes for content.
 */
export function checkTarHeaders(errorOf: ErrorOf): TransformStream<Uint8Array, Uint8Array> {
  const headers = new HeaderCheck(errorOf);
  return new TransformStream({
    transform(chunk, controller) {
      headers.read(chunk);
      controller.enqueue(chunk);
    },
  });
}

class HeaderCheck {
  readonly #header = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  /** Bytes of content and padding before the next header. */
  #skip = 0;
  #ended = false;
  #begun = false;
  /** The extended header that is being read, with its padding. */
  #extended: { readonly type: string; readonly body: Uint8Array; size: number } | undefined;
  /** What the extended headers of the next entry have so far. */
  #next = { bytes: 0, records: 0, size: undefined as number | undefined, hasPax: false };

  constructor(private readonly errorOf: ErrorOf) {}

  read(chunk: Uint8Array): void {
    if (!this.#begun && chunk[0] === GZIP_BYTE) {
      throw new Error("it is compressed, send it without gzip (tar -z)");
    }
    this.#begun ||= chunk.length > 0;
    for (let at = 0; at < chunk.length && !this.#ended;) {
      const length = Math.min(
        chunk.length - at,
        this.#skip > 0 ? this.#skip : BLOCK_BYTES - this.#filled,
      );
      const part = chunk.subarray(at, at + length);
      if (this.#skip > 0) this.#readContent(part);
      else this.#readHeader(part);
      at += length;
    }
  }

  #readContent(part: Uint8Array): void {
    const extended = this.#extended;
    extended?.body.set(part, extended.body.length - this.#skip);
    this.#skip -= part.length;
    if (extended === undefined || this.#skip > 0) return;
    this.#extended = undefined;
    if (PAX_TYPES.includes(extended.type)) {
      this.#addRecords(extended.type, extended.body.subarray(0, extended.size));
    }
  }

  #readHeader(part: Uint8Array): void {
    this.#header.set(part, this.#filled);
    this.#filled = (this.#filled + part.length) % BLOCK_BYTES;
    if (this.#filled > 0) return;
    this.#ended = this.#header.every((byte) => byte === 0);
    if (this.#ended) return;
    const size = sizeOf(this.#header);
    if (!isHeader(this.#header) || !Number.isSafeInteger(size)) {
      throw this.#error("its header is damaged");
    }
    const type = String.fromCharCode(this.#header[TYPE_AT] || 0x30);
    if (EXTENDED_TYPES.includes(type)) this.#startExtended(type, size);
    else this.#startEntry(type, size);
  }

  #startExtended(type: string, size: number): void {
    this.#next.bytes += BLOCK_BYTES + size;
    if (this.#next.bytes > EXTENDED_BYTES_MAX) {
      throw this.#error(
        `its extended headers exceed the limit of ${EXTENDED_BYTES_MAX / 1024} KiB`,
      );
    }
    // The decoder forgets what an extended header of POSIX said when another one follows.
    if (this.#next.hasPax) throw this.#error("its entry does not follow its extended header");
    this.#next.hasPax = type === "x";
    this.#skip = padded(size);
    this.#extended = { type, body: new Uint8Array(this.#skip), size };
    if (this.#skip === 0) this.#extended = undefined;
  }

  #startEntry(type: string, size: number): void {
    if (!ENTRY_TYPES.includes(type)) {
      throw this.#error(
        type === "S"
          ? SPARSE
          : `its type is ${JSON.stringify(type)}, and only files and directories are accepted`,
      );
    }
    this.#skip = BODYLESS_TYPES.includes(type) ? 0 : padded(this.#next.size ?? size);
    this.#next = { bytes: 0, records: 0, size: undefined, hasPax: false };
  }

  /** Records of POSIX: `<length> <key>=<value>\n`, where the length counts the whole record. */
  #addRecords(type: string, body: Uint8Array): void {
    for (let at = 0; at < body.length;) {
      const space = body.indexOf(0x20, at);
      const length = space === -1 ? 0 : parseInt(text(body.subarray(at, space)), 10);
      if (!(length > 0)) return;
      if (++this.#next.records > EXTENDED_RECORDS_MAX) {
        throw this.#error(
          `its extended headers exceed the limit of ${EXTENDED_RECORDS_MAX} records`,
        );
      }
      const record = text(body.subarray(space + 1, at + length - 1));
      if (record.startsWith("size=")) {
        const size = record.slice("size=".length);
        if (type === "g" || !/^\d+$/.test(size) || !Number.isSafeInteger(+size)) {
          throw this.#error("the size in its extended header is not usable");
        }
        this.#next.size = +size;
      }
      at += length;
    }
  }

  #error(why: string): Error {
    return this.errorOf(textOf(this.#header, 0, 100), why);
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

function isHeader(block: Uint8Array): boolean {
  let sum = 0;
  for (const [at, byte] of block.entries()) {
    sum += at >= CHECKSUM.start && at < CHECKSUM.end ? 0x20 : byte;
  }
  return sum === octal(block, CHECKSUM);
}

/** The size in a header: octal digits or, with the highest bit set, a binary number. NaN if it is neither. */
function sizeOf(block: Uint8Array): number {
  const [first = 0, ...rest] = block.subarray(SIZE.start, SIZE.end);
  if ((first & 0x80) !== 0) return rest.reduce((size, byte) => size * 256 + byte, first & 0x7f);
  return octal(block, SIZE);
}

/** NaN if there is anything but digits between spaces and zeros. */
function octal(block: Uint8Array, { start, end }: { start: number; end: number }): number {
  const digits = textOf(block, start, end).trim();
  return /^[0-7]*$/.test(digits) ? parseInt(digits || "0", 8) : Number.NaN;
}

function textOf(block: Uint8Array, start: number, end: number): string {
  const field = block.subarray(start, end);
  const zero = field.indexOf(0);
  return text(zero === -1 ? field : field.subarray(0, zero));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
