/** Finds the shared libraries of a program with its own loader. */
import { segmentsIn, SegmentType } from "./elf.ts";

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
    throw new Error(`Cannot list the libraries of ${program}: ${loader} --list failed: ${printed}`);
  }
  const listed = new TextDecoder().decode(stdout).split("\n")
    .map((line) => LISTED.exec(line)?.[1]).filter((path) => path !== undefined);
  return [...new Set([loader, ...listed])];
}
