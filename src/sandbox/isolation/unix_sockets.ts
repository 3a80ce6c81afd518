/**
 * A seccomp filter after which a process can make no socket but unix ones: a classic BPF program, see
 * `Documentation/userspace-api/seccomp_filter.rst` of Linux.
 */

/** `AUDIT_ARCH_*`, and the numbers of `socket` and `io_uring_setup`, which can make sockets as well. */
const ARCHITECTURES = {
  x86_64: { audit: 0xc000003e, socket: 41, ioUringSetup: 425 },
  aarch64: { audit: 0xc00000b7, socket: 198, ioUringSetup: 425 },
} as const;

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const ERROR_EACCES = 0x00050000 | 13;

/** Offsets in `struct seccomp_data`. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const AF_UNIX = 1;
/** Numbers from here on are those of the x32 ABI, which has sockets of its own. */
const X32_FIRST = 0x40000000;

const INSTRUCTION_BYTES = 8;

/** The program, for `setpriv --seccomp-filter`. */
export function unixSocketsFilter(): Uint8Array {
  const { audit, socket, ioUringSetup } = ARCHITECTURES[Deno.build.arch];
  const program = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_AT_LEAST, 4, 0, X32_FIRST],
    [JUMP_IF_EQUAL, 3, 0, ioUringSetup],
    [JUMP_IF_EQUAL, 0, 3, socket],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_IF_EQUAL, 1, 0, AF_UNIX],
    [RETURN, 0, 0, ERROR_EACCES],
    [RETURN, 0, 0, ALLOW],
  ] as const;
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, ifTrue, ifFalse, value], index) => {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, value, true);
  });
  return bytes;
}
