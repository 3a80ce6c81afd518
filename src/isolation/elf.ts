/** Reads program headers of 64-bit little-endian ELF files (`man 5 elf`). */

const MAGIC = 0x464c457f;
/** Class of 64 bits, then little-endian data. */
const CLASS_AND_DATA = 0x0102;
const FILE_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

/** Kinds of program headers. */
export const SegmentType = { LOAD: 1, DYNAMIC: 2, INTERP: 3, GNU_STACK: 0x6474e551 } as const;

/** Flag of a writable segment. */
const WRITABLE = 2;

/** A program header: a part of the file and its address in memory. */
export interface Segment {
  readonly type: number;
  readonly writable: boolean;
  /** In the file. */
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  /** Offset of the header itself in the file. */
  readonly headerAt: number;
}

/** The program headers; undefined if the bytes are not the beginning of such a file or do not hold all headers. */
export function segmentsIn(head: Uint8Array): Segment[] | undefined {
  if (head.length < FILE_HEADER_BYTES) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0, true) !== MAGIC || view.getUint16(4, true) !== CLASS_AND_DATA) {
    return undefined;
  }
  const number = (at: number) => Number(view.getBigUint64(at, true));
  const table = number(32);
  const count = view.getUint16(56, true);
  if (table + count * PROGRAM_HEADER_BYTES > head.length) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * PROGRAM_HEADER_BYTES;
    return {
      type: view.getUint32(at, true),
      writable: (view.getUint32(at + 4, true) & WRITABLE) !== 0,
      offset: number(at + 8),
      address: number(at + 16),
      fileBytes: number(at + 32),
      headerAt: at,
    };
  });
}
