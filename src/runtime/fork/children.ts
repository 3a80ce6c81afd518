/** The forks of one process that have not ended. Uses typed arrays only: it runs beside objects of user code. */
import {
  type Libc,
  type Library,
  POLLIN,
  SIGKILL,
  SYS_CLONE,
  SYS_PIDFD_SEND_SIGNAL,
  WNOHANG,
} from "./libc.ts";
import { ForkEvent } from "./wire.ts";

/** `madvise` for all memory of a process: V8 marks its own as not to be copied by a fork. */
const FIRST_ADDRESS = 0x10000n;
const ADDRESSES = 0x7fffffff0000n - FIRST_ADDRESS;
const MADV_DOFORK = 11;

/** Most forks of one process at a time. */
const CHILDREN_MAX = 1024;
const EAGAIN = 11;
/** Gives a descriptor of the fork, by which alone this process signals it: its filter denies signals by process ids. */
export const CLONE_PIDFD = 0x1000n;

/** `struct rusage` as 32-bit words: user and system time, each in seconds and microseconds, and `ru_maxrss`. */
const USAGE_WORDS = 36;
const USER_SECONDS = 0;
const USER_MICROS = 2;
const SYSTEM_SECONDS = 4;
const SYSTEM_MICROS = 6;
const PEAK_KIB = 8;
const MICROS_PER_SECOND = 1_000_000;

/** What the kernel has counted of a fork that has ended: its wait status, microseconds of processor time, KiB at its peak. */
export interface Ended {
  status: number;
  micros: number;
  peakKib: number;
}

/** Takes an event: its kind, the number of the fork, and three numbers. */
export type Report = (
  kind: number,
  number: number,
  first: number,
  second: number,
  third: number,
) => void;

export interface Children {
  /** Forks this process, with {@link CLONE_PIDFD} among the flags. Returns 0 in the fork, its process id in this process, and a negative error number. */
  start(number: number, flags: bigint): number;
  /** Waits until `descriptor` can be read or a fork has ended. Returns whether it can be read. */
  awaitInput(descriptor: number): boolean;
  /** Reports the forks that have ended. */
  reap(report: Report): void;
  /** Forgets all: they are those of the process that forked this one. */
  forget(): void;
  /** Kills a fork, waits for its end and reports it. A fork that has ended is not an error. */
  kill(number: number, report: Report): void;
  /** Kills the only fork and waits for its end. Returns what the kernel has counted; undefined without a fork. */
  killOnly(): Ended | undefined;
}

const at = (words: Int32Array | Uint32Array, index: number) => words[index] as number;

function microsOf(usage: Uint32Array): number {
  return MICROS_PER_SECOND * (at(usage, USER_SECONDS) + at(usage, SYSTEM_SECONDS)) +
    at(usage, USER_MICROS) + at(usage, SYSTEM_MICROS);
}

/** Where a number is among the first ones; -1 if it is not. */
function indexOf(numbers: Uint32Array, number: number, count: number): number {
  for (let index = 0; index < count; index++) {
    if (at(numbers, index) === number) return index;
  }
  return -1;
}

function killFork(libc: Libc, descriptor: number): void {
  libc.pidfdSendSignal(SYS_PIDFD_SEND_SIGNAL, descriptor, SIGKILL, null, 0);
}

/** Waits for the ends of forks. */
interface Waiter {
  /** What the kernel has counted of the last one that has ended. */
  readonly ended: Ended;
  /** Returns whether the fork has ended. */
  wait(pid: number, options: number): boolean;
}

function makeWaiter({ libc }: Library): Waiter {
  const status = new Int32Array(1);
  const statusBytes = new Uint8Array(status.buffer);
  const usage = new Uint32Array(USAGE_WORDS);
  const usageBytes = new Uint8Array(usage.buffer);
  const ended: Ended = { status: 0, micros: 0, peakKib: 0 };
  return {
    ended,
    wait(pid, options) {
      if (libc.wait4(pid, statusBytes, options, usageBytes) !== pid) return false;
      ended.status = at(status, 0);
      ended.micros = microsOf(usage);
      ended.peakKib = at(usage, PEAK_KIB);
      return true;
    },
  };
}

export function makeChildren(library: Library): Children {
  const { libc, errno } = library;
  const numbers = new Uint32Array(CHILDREN_MAX);
  const pids = new Int32Array(CHILDREN_MAX);
  /** `struct pollfd` for the input and for each fork: a descriptor, then the events in two halves. */
  const polled = new Int32Array(2 * (1 + CHILDREN_MAX));
  const polledBytes = new Uint8Array(polled.buffer);
  const { ended, wait } = makeWaiter(library);
  const descriptor = new Int32Array(1);
  const descriptorBytes = new Uint8Array(descriptor.buffer);
  let count = 0;
  const remove = (index: number) => {
    libc.close(at(polled, 2 * (index + 1)));
    count--;
    numbers[index] = at(numbers, count);
    pids[index] = at(pids, count);
    polled[2 * (index + 1)] = at(polled, 2 * (count + 1));
    polled[2 * (index + 1) + 1] = at(polled, 2 * (count + 1) + 1);
  };
  const waitAndReport = (index: number, options: number, report: Report): void => {
    if (!wait(at(pids, index), options)) return;
    const number = at(numbers, index);
    remove(index);
    report(ForkEvent.ENDED, number, ended.status, ended.micros, ended.peakKib);
  };
  return {
    start(number, flags) {
      if (count === CHILDREN_MAX) return -EAGAIN;
      // Nothing may be mapped between these two calls: the fork would miss it.
      libc.madvise(FIRST_ADDRESS, ADDRESSES, MADV_DOFORK);
      const pid = libc.clone(SYS_CLONE, flags, 0n, descriptorBytes, 0n, 0n);
      if (pid === 0) return 0;
      if (pid < 0) return -(errno[0] as number);
      numbers[count] = number;
      pids[count] = pid;
      count++;
      polled[2 * count] = at(descriptor, 0);
      polled[2 * count + 1] = POLLIN;
      return pid;
    },
    awaitInput(descriptor) {
      polled[0] = descriptor;
      polled[1] = POLLIN;
      libc.poll(polledBytes, count + 1, -1);
      return at(polled, 1) >>> 16 !== 0;
    },
    reap(report) {
      for (let index = count - 1; index >= 0; index--) {
        if (at(polled, 2 * (index + 1) + 1) >>> 16 !== 0) waitAndReport(index, WNOHANG, report);
      }
    },
    forget() {
      count = 0;
    },
    kill(number, report) {
      const index = indexOf(numbers, number, count);
      if (index < 0) return;
      killFork(libc, at(polled, 2 * (index + 1)));
      waitAndReport(index, 0, report);
    },
    killOnly() {
      if (count === 0) return undefined;
      killFork(libc, at(polled, 2));
      if (!wait(at(pids, 0), 0)) return undefined;
      remove(0);
      return ended;
    },
  };
}
