/**
 * The seccomp filters of confined processes, as a classic BPF program: a small assembler and the
 * program itself. See `Documentation/userspace-api/seccomp_filter.rst` of Linux.
 */
import {
  CHECKED_CALLS,
  DENIED_CALLS,
  FILE_CHANGING_CALLS,
  FORK_MANAGING_CALLS,
  FORKING_CALLS,
  THREAD_SIGNALLING_CALLS,
} from "./syscalls.ts";

/** Bytes of one instruction: `struct sock_filter` of `linux/filter.h`. */
const INSTRUCTION_BYTES = 8;
/** Farthest that a conditional jump reaches. */
const JUMP_MAX_INSTRUCTIONS = 255;

/** Operations: load a word of the system call's data, jump when equal, at least, or when bits are set, return. */
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

/** Offsets in `struct seccomp_data`. The low half of an argument comes first: both architectures are little-endian. */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;
const ARGUMENT_BYTES = 8;

const VERDICTS = {
  allow: 0x7fff0000,
  kill: 0x80000000,
  /** Fails the system call with an errno in the low half. */
  EPERM: 0x00050000 | 1,
  ENOSYS: 0x00050000 | 38,
  EAFNOSUPPORT: 0x00050000 | 97,
} as const;

type Verdict = keyof typeof VERDICTS;

/** One line of the program. A jump without a verdict continues with the next line. */
type Line =
  | { readonly load: number }
  | {
    readonly test: number;
    readonly value: number;
    readonly then?: Verdict;
    readonly otherwise?: Verdict;
  }
  | { readonly test: number; readonly value: number; readonly otherwiseSkip: number }
  | { readonly verdict: Verdict };

/** `AUDIT_ARCH_*` of the architectures that Deno runs on. */
const ARCHITECTURES = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
export type Architecture = keyof typeof ARCHITECTURES;

/** First number of the x32 system calls on x86_64. */
const X32_FIRST = 0x40000000;
/** The new process becomes a child of the caller's parent: beyond the reach of what ends with the caller. */
const CLONE_PARENT = 0x00008000;
const CLONE_THREAD = 0x00010000;
/** CLONE_NEWTIME is absent: the same bit counts as part of the exit signal in `clone`. */
const CLONE_NEW_NAMESPACES = 0x7e020000;
const AF_UNIX = 1;
/** Commands that act on another process, or on a file that is open for reading alone. */
const DENIED_COMMANDS = {
  fcntl: {
    F_SETOWN: 8,
    F_SETSIG: 10,
    F_SETOWN_EX: 15,
    /** The owner of a file delays with a lease whoever opens it. */
    F_SETLEASE: 1024,
    /** Reports what others do in a directory. */
    F_NOTIFY: 1026,
  },
  ioctl: {
    FIOSETOWN: 0x8901,
    SIOCSPGRP: 0x8902,
    /** The owner of a file may change these attributes; Landlock does not check them. */
    FS_IOC32_SETFLAGS: 0x40046602,
    FS_IOC_SETFLAGS: 0x40086602,
    FS_IOC32_SETVERSION: 0x40047602,
    FS_IOC_SETVERSION: 0x40087602,
    FS_IOC_FSSETXATTR: 0x401c5820,
    FS_IOC_ENABLE_VERITY: 0x40806685,
    FS_IOC_SET_ENCRYPTION_POLICY: 0x800c6613,
  },
} as const;
/** The option that gives the process at the other end of a unix socket as a descriptor, by which it can be killed. */
const SO_PEERPIDFD = 77;
/** Most numbers that are compared one after the other. */
const SEARCH_LEAF_NUMBERS = 4;

/** Assembles lines into machine code. Jumps lead to the verdicts at the end. */
function assemble(lines: readonly Line[]): Uint8Array<ArrayBuffer> {
  const verdicts = Object.keys(VERDICTS) as Verdict[];
  const program = new Uint8Array((lines.length + verdicts.length) * INSTRUCTION_BYTES);
  const view = new DataView(program.buffer);
  const put = (at: number, code: number, jumpThen: number, jumpElse: number, value: number) => {
    if (jumpThen > JUMP_MAX_INSTRUCTIONS || jumpElse > JUMP_MAX_INSTRUCTIONS) {
      throw new RangeError(`Invalid filter: the jump at ${at} is too long`);
    }
    view.setUint16(at * INSTRUCTION_BYTES, code, true);
    view.setUint8(at * INSTRUCTION_BYTES + 2, jumpThen);
    view.setUint8(at * INSTRUCTION_BYTES + 3, jumpElse);
    view.setUint32(at * INSTRUCTION_BYTES + 4, value, true);
  };
  lines.forEach((line, at) => {
    const distance = (verdict: Verdict | undefined) =>
      verdict === undefined ? 0 : lines.length + verdicts.indexOf(verdict) - at - 1;
    if ("load" in line) put(at, LOAD_WORD, 0, 0, line.load);
    else if ("verdict" in line) put(at, RETURN, 0, 0, VERDICTS[line.verdict]);
    else if ("otherwiseSkip" in line) put(at, line.test, 0, line.otherwiseSkip, line.value);
    else put(at, line.test, distance(line.then), distance(line.otherwise), line.value);
  });
  verdicts.forEach((verdict, index) => put(lines.length + index, RETURN, 0, 0, VERDICTS[verdict]));
  return program;
}

/** Lines for one system call whose verdict depends on an argument. The number is loaded before and after. */
function byArgument(number: number, argument: number, ...judged: readonly Line[]): readonly Line[] {
  const load = ARGUMENTS_OFFSET + argument * ARGUMENT_BYTES;
  const rest: readonly Line[] = [{ load }, ...judged, { verdict: "allow" }];
  return [{ test: JUMP_EQUAL, value: number, otherwiseSkip: rest.length }, ...rest];
}

/** What a process may do beyond the system calls that every process may make. */
interface SeccompOptions {
  /** Start processes. */
  readonly mayFork: boolean;
  /** Give its forks namespaces of their own and kill them. */
  readonly mayManageForks?: boolean;
  /** Signal its own threads, and with them those of every process of its user. */
  readonly maySignalThreads?: boolean;
  /** Change the modes, owners, times and attributes of files. */
  readonly mayChangeFiles?: boolean;
}

/**
 * The filter: the classes of {@link DENIED_CALLS} fail with EPERM, as do the limits of other processes and
 * {@link DENIED_COMMANDS}; sockets of any family but AF_UNIX with EAFNOSUPPORT, and new processes with EPERM unless it `mayFork`. A system call of a foreign architecture
 * kills the process. The filter has to be loaded by the program that starts Deno, after its own last fork.
 */
export function seccompFilter(
  architecture: Architecture,
  options: SeccompOptions,
): Uint8Array<ArrayBuffer> {
  const numberOf = numbersOf(architecture);
  return assemble([
    { load: ARCHITECTURE_OFFSET },
    { test: JUMP_EQUAL, value: ARCHITECTURES[architecture], otherwise: "kill" },
    { load: NUMBER_OFFSET },
    { test: JUMP_AT_LEAST, value: X32_FIRST, then: "EPERM" },
    // Its flags are in memory, which a filter cannot read. The C library falls back to clone.
    { test: JUMP_EQUAL, value: numberOf("clone3"), then: "ENOSYS" },
    ...judgeClone(numberOf("clone"), options),
    ...byArgument(numberOf("socket"), 0, {
      test: JUMP_EQUAL,
      value: AF_UNIX,
      otherwise: "EAFNOSUPPORT",
    }),
    ...byArgument(numberOf("prlimit64"), 0, { test: JUMP_EQUAL, value: 0, otherwise: "EPERM" }),
    ...denyOption(numberOf("getsockopt"), SO_PEERPIDFD),
    ...denyCommands(numberOf("fcntl"), DENIED_COMMANDS.fcntl),
    ...denyCommands(numberOf("ioctl"), DENIED_COMMANDS.ioctl),
    ...denyAmong(deniedNumbers(architecture, options)),
  ]);
}

/**
 * What {@link seccompFilter} denies with `options` and not with those of the filter that is already in force: the kernel
 * asks both, and compiles each for every process that loads it.
 */
export function furtherSeccompFilter(
  architecture: Architecture,
  options: SeccompOptions,
  inForce: SeccompOptions,
): Uint8Array<ArrayBuffer> {
  const numberOf = numbersOf(architecture);
  const already = new Set(deniedNumbers(architecture, inForce));
  return assemble([
    { load: NUMBER_OFFSET },
    ...judgeClone(numberOf("clone"), options),
    ...denyAmong(deniedNumbers(architecture, options).filter((number) => !already.has(number))),
  ]);
}

function numbersOf(architecture: Architecture): (name: keyof typeof CHECKED_CALLS) => number {
  return (name) => CHECKED_CALLS[name][columnOf(architecture)];
}

function columnOf(architecture: Architecture): 0 | 1 {
  return architecture === "x86_64" ? 0 : 1;
}

/** Numbers of the system calls that are denied whatever their arguments, in ascending order. */
function deniedNumbers(
  architecture: Architecture,
  { mayFork, mayManageForks, mayChangeFiles, maySignalThreads }: SeccompOptions,
): readonly number[] {
  const classes = {
    ...DENIED_CALLS,
    ...mayChangeFiles ? {} : { files: FILE_CHANGING_CALLS },
    ...mayFork ? {} : { forking: FORKING_CALLS },
    ...maySignalThreads ? {} : { threads: THREAD_SIGNALLING_CALLS },
  };
  return Object.values(classes).flatMap((calls) => Object.entries(calls))
    .filter(([name]) => !mayManageForks || !FORK_MANAGING_CALLS.has(name))
    .map(([, numbers]) => numbers[columnOf(architecture)])
    .filter((number) => number !== undefined)
    .toSorted((a, b) => a - b);
}

/** Lines for `clone`. They allow threads only to a process that cannot fork: it leaves no other process behind. */
function judgeClone(
  number: number,
  { mayFork, mayManageForks = false }: SeccompOptions,
): readonly Line[] {
  return byArgument(
    number,
    0,
    { test: JUMP_ANY_BIT, value: CLONE_PARENT, then: "EPERM" },
    ...mayManageForks
      ? []
      : [{ test: JUMP_ANY_BIT, value: CLONE_NEW_NAMESPACES, then: "EPERM" } as const],
    ...mayFork ? [] : [{ test: JUMP_ANY_BIT, value: CLONE_THREAD, otherwise: "EPERM" } as const],
  );
}

/** Lines for a system call whose third argument is an option of a socket. There are sockets of one level alone. */
function denyOption(number: number, option: number): readonly Line[] {
  return byArgument(number, 2, { test: JUMP_EQUAL, value: option, then: "EPERM" });
}

/** Lines for a system call whose second argument is a command. */
function denyCommands(
  number: number,
  commands: Readonly<Record<string, number>>,
): readonly Line[] {
  const tests = Object.values(commands).map((value): Line => ({
    test: JUMP_EQUAL,
    value,
    then: "EPERM",
  }));
  return byArgument(number, 1, ...tests);
}

/**
 * Denies these numbers and allows all others, by a binary search: the kernel runs a new filter once for every number that
 * there is, for each fork that enters it.
 * @param denied in ascending order
 */
function denyAmong(denied: readonly number[]): readonly Line[] {
  if (denied.length <= SEARCH_LEAF_NUMBERS) {
    const tests = denied.map((value): Line => ({ test: JUMP_EQUAL, value, then: "EPERM" }));
    return [...tests, { verdict: "allow" }];
  }
  const middle = denied.length >> 1;
  const above = denyAmong(denied.slice(middle));
  return [
    { test: JUMP_AT_LEAST, value: denied[middle] as number, otherwiseSkip: above.length },
    ...above,
    ...denyAmong(denied.slice(0, middle)),
  ];
}
