/** Finds the shared libraries that a program needs, by asking the loader which its own header names. */

/** ELF: magic number, class of 64-bit files, little-endian data; and the program header's type of the loader's name. */
const ELF_MAGIC = 0x464c457f;
const ELF_64_BITS = 2;
const ELF_LITTLE_ENDIAN = 1;
const PT_INTERP = 3;
const PROGRAM_HEADER_BYTES = 56;
/** The headers of any real program, and its loader's name, lie within this. */
const HEAD_MAX_BYTES = 65_536;

/** A line of `ld.so --list`: `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)`, or the path alone. */
const LISTED = /^\s*(?:\S+ => )?(\/\S+)(?: \(0x[0-9a-f]+\))?$/;

/** The name of the loader in a 64-bit little-endian ELF file (`man 5 elf`); undefined where it names none. */
export function loaderNamedIn(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 64 || view.getUint32(0, true) !== ELF_MAGIC) return undefined;
  if (head[4] !== ELF_64_BITS || head[5] !== ELF_LITTLE_ENDIAN) return undefined;
  const tableOffset = Number(view.getBigUint64(32, true));
  const count = view.getUint16(56, true);
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * PROGRAM_HEADER_BYTES;
    if (at + PROGRAM_HEADER_BYTES > head.length) return undefined;
    if (view.getUint32(at, true) !== PT_INTERP) continue;
    const offset = Number(view.getBigUint64(at + 8, true));
    const length = Number(view.getBigUint64(at + 32, true));
    return new TextDecoder().decode(head.subarray(offset, offset + length)).replace(/\0.*$/s, "");
  }
  return undefined;
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
    const told = new TextDecoder().decode(stderr).trim();
    throw new Error(`Cannot list the libraries of ${program}: ${loader} --list failed: ${told}`);
  }
  const listed = new TextDecoder().decode(stdout).split("\n")
    .map((line) => LISTED.exec(line)?.[1]).filter((path) => path !== undefined);
  return [...new Set([loader, ...listed])];
}
