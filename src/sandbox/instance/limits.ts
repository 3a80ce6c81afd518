/** Limits of calls in the units of the kernel, on their cgroups, and in errors. */
import { Cgroups, type Confinement, type Machine } from "../../isolation/mod.ts";
import type { JobLimits, SandboxLimits } from "../contract.ts";

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

/** The limits in force for one call, and those of a call without limits of its own. */
export interface RunLimits extends SandboxLimits {
  readonly defaults: JobLimits;
}

export function runLimits(own: Partial<JobLimits>, limits: SandboxLimits): RunLimits {
  return { ...limits, ...own, defaults: limits };
}

/** The largest limits of a call in a memory class. */
export function maximaOf(
  { cpuTimeMs, maxCpuTimeMs = cpuTimeMs }: SandboxLimits,
  classBytes: number,
): ResourceLimits {
  return { cpuTimeMs: maxCpuTimeMs, memoryBytes: classBytes };
}

export function areEqual(some: ResourceLimits, others: ResourceLimits): boolean {
  return some.cpuTimeMs === others.cpuTimeMs && some.memoryBytes === others.memoryBytes;
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

/** The V8 heap of a process with this memory. */
export function heapMib(memoryBytes: number): number {
  return Math.max(HEAP_MIN_MIB, Math.floor(memoryBytes / BYTES_PER_MIB));
}

/** Of each limit, its setting of the server and of a function. */
const SETTINGS = {
  timeoutMs: ["--invocation-timeout", "timeout"],
  cpuTimeMs: ["--cpu-time", "cpuTimeout"],
  memoryBytes: ["--memory", "memoryMib"],
} as const;

/** What set a limit, for messages. */
export function settingOf(limit: keyof JobLimits, limits: RunLimits): string {
  const [flag, setting] = SETTINGS[limit];
  return limits[limit] === limits.defaults[limit] ? flag : `${setting} of the function`;
}

/**
 * Memory of a cgroup beyond the private memory of its process: pages of files, most of them of Deno, and kernel memory
 * such as full pipes and sockets.
 */
const SHARED_BYTES = 192 * BYTES_PER_MIB;

/** Shown to the operator with the isolation. */
export const CGROUPS_DESCRIPTION = "memory and pids cgroups";

/** Memory limit of a cgroup. @param dataBytes limit of its instance's private memory */
export function cgroupBytes(dataBytes: number): number {
  return dataBytes + SHARED_BYTES;
}

/**
 * Opens the cgroups of this server; undefined when the server cannot create any.
 * @param dataBytes limit of an instance's private memory
 */
export async function openCgroups(
  { programs: { sh } }: Machine,
  dataBytes: number,
): Promise<Cgroups | undefined> {
  if (sh === undefined) return undefined;
  return await Cgroups.open(sh, cgroupBytes(dataBytes));
}
