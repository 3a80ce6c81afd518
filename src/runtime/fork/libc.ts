/**
 * The calls of the C library with which a zygote and its templates fork. No function holds one of them: an instance drops
 * all before its first byte of user code.
 *
 * Structures are those of Linux on 64-bit little-endian machines.
 */

const LIBRARY = "libc.so.6";

const SYMBOLS = {
  closeRange: { name: "syscall", parameters: ["i64", "u32", "u32", "u32"], result: "i32" },
  landlockCreateRuleset: {
    name: "syscall",
    parameters: ["i64", "buffer", "u32", "u32"],
    result: "i32",
  },
  landlockRestrictSelf: { name: "syscall", parameters: ["i64", "i32", "u32"], result: "i32" },
  mmap: { parameters: ["u64", "u64", "i32", "i32", "i32", "i64"], result: "i64" },
  mprotect: { parameters: ["u64", "u64", "i32"], result: "i32" },
  mremap: { parameters: ["u64", "u64", "u64", "i32", "u64"], result: "i64" },
  munmap: { parameters: ["u64", "u64"], result: "i32" },
  memcpy: { parameters: ["u64", "u64", "u64"], result: "u64" },
  sbrk: { parameters: ["i64"], result: "u64" },
  getauxval: { parameters: ["u32"], result: "u64" },
  sysconf: { parameters: ["i32"], result: "i64" },
  madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
  wait4: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  getpid: { parameters: [], result: "i32" },
  getppid: { parameters: [], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // Lengths are small, so that no number needs to be a bigint.
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  clone: {
    name: "syscall",
    parameters: ["i64", "u64", "u64", "buffer", "u64", "u64"],
    result: "i32",
  },
  pidfdSendSignal: {
    name: "syscall",
    parameters: ["i64", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  pipe: { parameters: ["buffer"], result: "i32" },
  fstat: { name: "syscall", parameters: ["i64", "i32", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  prctl: { parameters: ["i32", "u32", "u32", "u32", "u32"], result: "i32" },
  loadFilter: {
    name: "prctl",
    parameters: ["i32", "u32", "buffer", "u32", "u32"],
    result: "i32",
  },
  malloc: { parameters: ["u32"], result: "u64" },
  free: { parameters: ["u64"], result: "void" },
  malloc_trim: { parameters: ["u32"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setenv: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
  _exit: { parameters: ["i32"], result: "void" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The same `write` on a thread of Deno's pool. */
const BLOCKING_SYMBOLS = {
  write: { parameters: ["i32", "buffer", "u32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type BlockingLibc = Deno.DynamicLibrary<typeof BLOCKING_SYMBOLS>["symbols"];

/** The library, and the error number of the last call that failed. */
export interface Library {
  readonly libc: Libc;
  readonly blocking: BlockingLibc;
  /** One number, at the address where the library keeps it. */
  readonly errno: Int32Array;
}

export function openLibrary(): Library {
  const { symbols: libc } = Deno.dlopen(LIBRARY, SYMBOLS);
  const { symbols: blocking } = Deno.dlopen(LIBRARY, BLOCKING_SYMBOLS);
  const at = libc.__errno_location();
  if (at === null) throw new Error("libc has no errno");
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(at, 4));
  return { libc, blocking, errno };
}

/** A library whose functions do nothing and return 0. */
export function idleLibc(): Libc {
  return Object.fromEntries(Object.keys(SYMBOLS).map((name) => [name, () => 0])) as unknown as Libc;
}

/** Numbers that differ between the architectures: x86_64, aarch64. */
const isX86 = Deno.build.arch === "x86_64";
export const SYS_CLONE = isX86 ? 56n : 220n;
export const SYS_FSTAT = isX86 ? 5n : 80n;
export const SYS_PIDFD_SEND_SIGNAL = 424n;
export const SYS_CLOSE_RANGE = 436n;
export const SYS_LANDLOCK_CREATE_RULESET = 444n;
export const SYS_LANDLOCK_RESTRICT_SELF = 446n;
/** `struct epoll_event` is packed on x86_64 only. */
export const EPOLL_EVENT_BYTES = isX86 ? 12 : 16;

export const SIGKILL = 9;
export const RLIMIT_NOFILE = 7;
export const POLLIN = 1;
export const WNOHANG = 1;

/** A text with its final zero. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Bytes of a `struct sockaddr_un` before its path. */
export const UNIX_FAMILY_BYTES = 2;

/** `struct sockaddr_un` of a path. */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const text = cString(path);
  const address = new Uint8Array(UNIX_FAMILY_BYTES + text.length);
  new DataView(address.buffer).setUint16(0, 1, true);
  address.set(text, UNIX_FAMILY_BYTES);
  return address;
}

/** The version of Landlock in this kernel from which a domain can scope abstract sockets and signals. */
export const LANDLOCK_SCOPES_ABI = 6;
const LANDLOCK_CREATE_RULESET_VERSION = 1;

/** The version of Landlock in this kernel; negative without it. */
export function landlockVersion(libc: Libc): number {
  return libc.landlockCreateRuleset(
    SYS_LANDLOCK_CREATE_RULESET,
    null,
    0,
    LANDLOCK_CREATE_RULESET_VERSION,
  );
}
