/** Finds the shared libraries of a program with its own loader, which its ELF file names. */

/** Finds the shared libraries of a program with its own loader. */

/** Contains the headers and the loader's name of any real program. */
const HEAD_MAX_BYTES = 65_536;

/** A line of `ld.so --list`: `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)`, or the path alone. */
const LISTED = /^\s*(?:\S+ => )?(\/\S+)(?: \(0x[0-9a-f]+\))?$/;

/** The name of the loader in a 64-bit little-endian ELF file (`man 5 elf`); undefined without one. */
export function loaderNamedIn(head: Uint8Array): string | undefined {
  const named = segmentsIn(head)?.find(({ type }) => type === SegmentType.INTERP);
  if (named === undefined) return undefined;
  const { offset, fileBytes } = named;
  return new TextDecoder().decode(head.subarray(offset, offset + fileBytes)).replace(/\0.*$/s, "");
}

/** The loader and every library that it would load for this program. */
export async function librariesOf(program: string): Promise<readonly string[]> {
  using file = await Deno.open(program);
  const head = new Uint8Array(HEAD_MAX_BYTES);
  const length = await file.read(head) ?? 0;
  const loader = loaderNamedIn(head.subarray(0, length));
  if (loader === undefined) return [];
  const { success, stdout, stderr } = await new Deno.Command(loader, {
    args: ["--list", program],
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) {
    const printed = new TextDecoder().decode(stderr).trim();
    throw new Error(
      `Failed to list the libraries of ${program}: ${loader} --list failed: ${printed}`,
    );
  }
  const listed = new TextDecoder().decode(stdout).split("\n")
    .map((line) => LISTED.exec(line)?.[1]).filter((path) => path !== undefined);
  return [...new Set([loader, ...listed])];
}

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
