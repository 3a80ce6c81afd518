/** The process of an instance: its pipes, how it ended, and its limits in the units of the kernel, on its cgroup, and in errors. */
import { concatenate } from "../../shared/json_text.ts";
import { Deadlines } from "../../shared/time.ts";
import { formatBytes, formatDuration } from "../../config/mod.ts";
import { Cgroups, type Confinement, type Isolation, type Machine } from "../../isolation/mod.ts";
import type { JobLimits, MemoryLimit, SandboxLimits } from "../contract.ts";

/** Bytes of stderr that are kept to explain the end of the process. */
const STDERR_TAIL_BYTES = 16_384;
/** Longest wait for the pipes of a dead process to end. */
const DRAIN_TIMEOUT_MS = 1000;

const drains = new Deadlines<() => void>((giveUp) => giveUp());

/** A process that was spawned or forked. */
export interface ProcessHandle {
  readonly input: Input;
  /** Reads stdout and stderr to their ends. Never rejects. */
  readOutput(onChunk: ChunkReader): Promise<unknown>;
  /** Settles once the process is reaped. */
  readonly ended: Promise<Exit>;
  /** Kills the process and everything that it started. */
  kill(): void;
  /**
   * Measures the processor time for {@link ended} until it is disposed, as often as its limit demands. Absent where the
   * fork server measures it.
   */
  watchCpu?(limitMs: number): Disposable;
  /**
   * Whether it has read all of its input, as its fork server or the kernel knows. Asked once its output is read to the end.
   * Absent where nobody counts that: the process says so itself.
   */
  hasReadInput?(): boolean;
  /** Id of the process for `/proc`; undefined if only its fork server knows it. */
  readonly pid: number | undefined;
}

export type OutputStream = "stdout" | "stderr";

/** Reads a chunk of a stream. The bytes are valid until it returns; its promise delays the next chunk of the stream. */
export type ChunkReader = (stream: OutputStream, chunk: Uint8Array) => Promise<void> | void;

/** Reads stdout and stderr of a process. */
export interface OutputReader {
  readonly read: ChunkReader;
}

/** Drops all output. */
export const discardOutput: OutputReader = { read() {} };

export class Child {
  readonly ended: Promise<Exit>;
  /** Receives stdout and stderr. */
  reader: OutputReader = discardOutput;
  /** The last bytes of stderr since its owner emptied it. */
  stderr = new Uint8Array(0);
  readonly #output: Promise<unknown>;

  constructor(readonly process: ProcessHandle) {
    this.ended = process.ended;
    this.#output = process.readOutput((stream, chunk) => {
      if (stream === "stderr") {
        this.stderr = concatenate([this.stderr, chunk]).slice(-STDERR_TAIL_BYTES);
      }
      return this.reader.read(stream, chunk);
    });
  }

  /** Waits until both pipes are read to their ends, for {@link DRAIN_TIMEOUT_MS} at most. */
  async drain(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    drains.add(resolve, DRAIN_TIMEOUT_MS);
    await Promise.race([this.#output, late]);
    drains.delete(resolve);
  }
}

/** The stdin of a process. */
export interface Input {
  /** Writes are carried out in order. Never rejects: the process may end at any time, and a broken pipe is not an error. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The same. Absent where it ends with its process. */
  close?(): Promise<void>;
}

/**
 * Which process ended first and took this one with it: the zygote or template that forked it, the wrapper that started it,
 * or `script`, a template of its script that ended by what the script does.
 */
export type Lost = "zygote" | "template" | "script" | "wrapper";

/** An exit code, or the signal that ended the process. */
export interface Exit {
  readonly code: number;
  readonly signal: string | null;
  /** Processor time of the process, if its fork server measured it. */
  readonly cpuMs?: number;
  /** Peak of its resident memory, if its fork server measured it. */
  readonly peakBytes?: number;
  /** Absent if it ended alone. */
  readonly lost?: Lost;
}

/** An exit code of this plus a number means the signal with that number, as in shells. */
const SIGNAL_BASE = 128;

/** Signals that end processes, by their numbers on the Linux architectures of Deno. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/**
 * The exit of a spawned process. An exit code of a wrapper in the range of signals is reported as that signal. A wrapper
 * that was killed has taken the process with it.
 */
export function exitOf({ code, signal }: Deno.CommandStatus, { expected }: Isolation): Exit {
  if (signal !== null) {
    return expected.ownProcessNamespace ? { code, signal, lost: "wrapper" } : { code, signal };
  }
  const forwarded = expected.ownProcessNamespace ? SIGNALS[code - SIGNAL_BASE] : undefined;
  return forwarded === undefined ? { code, signal } : { code, signal: forwarded };
}

/** The exit in a wait status of Linux (`man 2 wait`); undefined in that of a stop, and in one that the kernel never gives. */
export function exitOfWaitStatus(
  status: number,
  usage: { readonly cpuMs: number; readonly peakBytes: number },
): Exit | undefined {
  const number = status & 0x7f;
  if (status > 0xffff || number === 0x7f) return undefined;
  const code = (status >>> 8) & 0xff;
  if (number === 0) return { code, signal: null, ...usage };
  return { code: SIGNAL_BASE + number, signal: SIGNALS[number] ?? `signal ${number}`, ...usage };
}

const BYTES_PER_MIB = 1024 * 1024;
const MS_PER_SECOND = 1000;
/** Least V8 heap in MiB with which the runtime itself starts. */
const HEAP_MIN_MIB = 16;
/** V8's young generation, which the limit of its heap leaves out. Without threads of its own V8 fills it before it collects. */
const YOUNG_GENERATION_BYTES = 32 * BYTES_PER_MIB;
/** By how much a zygote grows after it has been measured, when it packs its memory and rehearses: 7 to 9 MiB. */
const ZYGOTE_GROWTH_BYTES = 10 * BYTES_PER_MIB;

/** Whether a process forks others: only then it may call foreign functions, until it is hardened. */
export type Purpose = "instance" | "zygote";

/** What one process may use. */
export type ProcessLimits = Required<Pick<Confinement, "dataBytes" | "cpuSeconds">>;

/** The limits of a job that bind its process. */
export type ResourceLimits = Pick<JobLimits, "cpuTimeMs" | "memoryBytes">;

/** The limits in force for one invocation, and the defaults for functions that set no limits. */
export interface RunLimits extends SandboxLimits {
  readonly defaults: JobLimits;
}

export function runLimits(own: Partial<JobLimits>, limits: SandboxLimits): RunLimits {
  return { ...limits, ...own, defaults: limits };
}

/** The smallest memory class above the default. Each further class has twice the memory. */
const SMALLEST_CLASS_BYTES = 128 * BYTES_PER_MIB;

/**
 * The memory classes in ascending order, each as the largest limits of its invocations: the default, for all invocations
 * up to it; then 128 MiB, 256 MiB, 512 MiB and so on, as far as they are between the default and the maximum; then the
 * maximum.
 */
export function memoryClasses(
  { cpuTimeMs: defaultMs, maxCpuTimeMs: cpuTimeMs = defaultMs, memoryBytes, maxMemoryBytes = 0 }:
    & ResourceLimits
    & Pick<SandboxLimits, "maxCpuTimeMs" | "maxMemoryBytes">,
): readonly [ResourceLimits, ...ResourceLimits[]] {
  const larger: number[] = [];
  for (let bytes = SMALLEST_CLASS_BYTES; bytes < maxMemoryBytes; bytes *= 2) {
    if (bytes > memoryBytes) larger.push(bytes);
  }
  if (maxMemoryBytes > memoryBytes) larger.push(maxMemoryBytes);
  return [
    { cpuTimeMs, memoryBytes },
    ...larger.map((bytes) => ({ cpuTimeMs, memoryBytes: bytes })),
  ];
}

/** The smallest class that has the memory of an invocation; undefined beyond the maximum. */
export function memoryClassOf(
  { memoryBytes = 0 }: MemoryLimit,
  classes: readonly ResourceLimits[],
): ResourceLimits | undefined {
  return classes.find((maxima) => maxima.memoryBytes >= memoryBytes);
}

export function areEqual(some: ResourceLimits, others: ResourceLimits): boolean {
  return some.cpuTimeMs === others.cpuTimeMs && some.memoryBytes === others.memoryBytes;
}

export function haveSameMemory(some: ResourceLimits, others: ResourceLimits): boolean {
  return some.memoryBytes === others.memoryBytes;
}

/** Limits of a spawned instance or of a zygote's fork. @param idleBytes private memory of the runtime alone */
export function processLimits(
  purpose: Purpose,
  idleBytes: number,
  { cpuTimeMs, memoryBytes }: ResourceLimits,
): ProcessLimits {
  const forked = purpose === "zygote" ? ZYGOTE_GROWTH_BYTES + YOUNG_GENERATION_BYTES : 0;
  return {
    dataBytes: idleBytes + memoryBytes + forked,
    cpuSeconds: Math.ceil(cpuTimeMs / MS_PER_SECOND),
  };
}

/** The V8 heap of a process with these limits. */
export function heapMib({ memoryBytes }: ResourceLimits): number {
  return Math.max(HEAP_MIN_MIB, Math.floor(memoryBytes / BYTES_PER_MIB));
}

/** The memory limit, for messages. */
export function formatMemory({ memoryBytes }: ResourceLimits): string {
  return formatBytes(memoryBytes);
}

/** Of each limit, by the error code of its violation: its text, and its setting of the server and of a function. */
const LIMITS = {
  TIMEOUT: {
    limit: "timeoutMs",
    format: ({ timeoutMs }: JobLimits) => formatDuration(timeoutMs),
    flag: "--invocation-timeout",
    setting: "timeout",
  },
  CPU_LIMIT: {
    limit: "cpuTimeMs",
    format: ({ cpuTimeMs }: JobLimits) => `${formatDuration(cpuTimeMs)} of processor time`,
    flag: "--cpu-time",
    setting: "cpuTimeout",
  },
  OUT_OF_MEMORY: {
    limit: "memoryBytes",
    format: formatMemory,
    flag: "--memory",
    setting: "memoryMib",
  },
} as const;

/** The limit that an invocation with this error code reached, and what set it, for messages. */
export function limitText(code: keyof typeof LIMITS, limits: RunLimits): string {
  const { limit, format, flag, setting } = LIMITS[code];
  const isDefault = limits[limit] === limits.defaults[limit];
  return `${format(limits)} (${isDefault ? flag : `${setting} of the function`})`;
}

/**
 * Memory of a cgroup beyond the private memory of its process: pages of files, most of them of Deno, and kernel memory
 * such as full pipes and sockets.
 */
const SHARED_BYTES = 192 * BYTES_PER_MIB;

/** Shown to the operator with the isolation. */
export const CGROUPS_DESCRIPTION = "memory and pids cgroups";

/** Memory limit of the cgroup of a process with these limits. */
export function cgroupBytes({ dataBytes }: ProcessLimits): number {
  return dataBytes + SHARED_BYTES;
}

/**
 * Opens the cgroups of this server; undefined when the server cannot create any.
 * @param limits of an instance with the default limits
 */
export async function openCgroups(
  { programs: { sh } }: Machine,
  limits: ProcessLimits,
): Promise<Cgroups | undefined> {
  if (sh === undefined) return undefined;
  return await Cgroups.open(sh, cgroupBytes(limits));
}
