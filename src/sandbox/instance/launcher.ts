/** The command line of a sandbox's process, and the measurements that its limits stand on. */
import { pathToFileURL } from "node:url";
import { READY, WITH_NODE } from "../../runtime/wire.ts";
import type { SandboxLimits } from "../contract.ts";
import { egressArgument, egressEnv, egressFlags } from "../egress/launch_options.ts";
import type { EgressProxy, EgressSocket } from "../egress/proxy.ts";
import {
  type Cgroup,
  type Cgroups,
  type Confinement,
  type Isolation,
  killGroup,
  readProcfs,
  spawnGroup,
  trusted,
} from "../../isolation/mod.ts";
import { type Image, openForReading } from "../image/image.ts";
import { bundleRuntime } from "../image/runtime_bundle.ts";

const BYTES_PER_MIB = 1024 * 1024;
const BYTES_PER_KIB = 1024;
const MS_PER_SECOND = 1000;
/** Least V8 heap in MiB with which the runtime itself starts. */
const HEAP_MIN_MIB = 16;

/** Longest wait for a process to stand ready. */
export const START_TIMEOUT_MS = 10_000;
/** Most bytes of a failed process's stderr that are told. */
const START_STDERR_MAX_BYTES = 4096;

const DENY_FLAGS = [
  "--no-prompt",
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--no-code-cache",
  "--cached-only",
  "--deny-import",
  "--deny-env",
  "--deny-sys",
  "--deny-run",
  "--deny-ffi",
] as const;

/** For a process that has no way out. */
const NO_EGRESS_FLAGS = ["--deny-read", "--deny-write", "--deny-net"] as const;

/** Deno's caches of module analyses and their journals. */
const DATABASE_FILE = /_cache_v\d+(-wal|-shm|-journal)?$/;

/**
 * A `plain` process starts in half the time and loads Node's half of the runtime only when the function reaches
 * for it; a `node` process has loaded it ahead. Both run every function, at different speed.
 */
export type Flavour = "plain" | "node";

/** A process and, where it has them, its way out and its cgroup; whoever spawned it disposes these when it has ended. */
export interface Spawned {
  readonly child: Deno.ChildProcess;
  readonly gate: EgressSocket | undefined;
  /** Lent to the process until it has ended. */
  readonly cgroup: Cgroup | undefined;
}

/** Starts processes. */
export interface Launcher {
  readonly isolation: Isolation;
  /** Paths of the server that a crash of the engine may print; no log shows them. */
  readonly hiddenPaths: readonly string[];
  /** A directory that the processes' user can enter: sockets that they are to reach stand here. */
  readonly sharedDir: string;
  spawn(flavour: Flavour): Promise<Spawned>;
}

function spawn(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  setsid: string | undefined,
): Deno.ChildProcess {
  return spawnGroup(command, { env, setsid, cwd: "/", stdin: "piped" });
}

/** Private writable memory of a live process in bytes, or undefined outside Linux. */
async function privateBytes(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const kib = /^VmData:\s+(\d+) kB$/m.exec(await readProcfs(`${pid}/status`) ?? "")?.[1];
  if (kib === undefined) throw new Error(`Cannot measure the memory of the idle process ${pid}`);
  return Number(kib) * BYTES_PER_KIB;
}

/** What the start of a process failed with, its stderr included. */
export function startError(reason: string, stderr: Uint8Array): Error {
  const told = new TextDecoder().decode(stderr.subarray(-START_STDERR_MAX_BYTES)).trim();
  return new Error(`Cannot start a sandbox: ${reason}${told === "" ? "" : `: ${told}`}`);
}

/**
 * Runs one process without limits: it fills the cache directory, after which no process
 * writes to it, and shows how much memory the runtime itself needs.
 */
async function warmUp(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  setsid: string | undefined,
): Promise<number | undefined> {
  const child = spawn(command, env, setsid);
  const timer = setTimeout(() => killGroup(child.pid), START_TIMEOUT_MS);
  try {
    const stderr = new Response(child.stderr).bytes();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    if (value === undefined || new TextDecoder().decode(value) !== READY) {
      await child.status;
      throw startError("the first process ended early", await stderr);
    }
    const bytes = await privateBytes(child.pid);
    killGroup(child.pid);
    await Promise.all([reader.cancel(), stderr, child.stdin.abort()]);
    return bytes;
  } finally {
    clearTimeout(timer);
    killGroup(child.pid);
    await child.status;
  }
}

/** What every process runs, and how much memory and time it may use. */
export interface Program {
  /** The command line with these permissions and these arguments of the bootstrap. */
  command(flags: readonly string[], args: readonly string[]): readonly string[];
  readonly hiddenPaths: readonly string[];
  /** Holds the operator's certificates, where there are any. */
  readonly caFile: string | undefined;
  readonly confinement: Confinement;
  readonly sharedDir: string;
  readonly setsid: string | undefined;
}

/** Fills the cache directory and measures the machine once. */
export async function prepareProgram(
  limits: SandboxLimits,
  around: Image,
  ca: string | undefined,
): Promise<Program> {
  const heapMib = Math.max(HEAP_MIN_MIB, Math.floor(limits.memoryBytes / BYTES_PER_MIB));
  const bootstrap = await bundleRuntime(around.denoDir);
  const command: Program["command"] = (flags, args) => [
    around.machine.deno,
    "run",
    ...DENY_FLAGS,
    ...flags,
    `--v8-flags=--max-old-space-size=${heapMib}`,
    bootstrap,
    ...args,
  ];
  const { wrap, env } = trusted(around.machine, around.profile);
  const { setsid } = around.machine.programs;
  const first = wrap(command(NO_EGRESS_FLAGS, [WITH_NODE]), {});
  const idleBytes = await warmUp(first, env, setsid);
  await blockDatabases(around.denoDir);
  const caFile = await writeCa(ca, around.denoDir);
  if (around.machine.isRoot) await openForReading(around.denoDir);
  return {
    command,
    hiddenPaths: [pathToFileURL(bootstrap).href, bootstrap, around.machine.deno],
    caFile,
    sharedDir: around.sharedDir,
    setsid,
    confinement: {
      cpuSeconds: Math.ceil(limits.cpuTimeMs / MS_PER_SECOND),
      ...(idleBytes === undefined ? {} : { dataBytes: idleBytes + limits.memoryBytes }),
    },
  };
}

/** What processes are given one by one. */
export interface Supplies {
  readonly egress: EgressProxy;
  /** Absent where the server may make none. */
  readonly cgroups: Cgroups | undefined;
}

/** Starts processes of the program behind the walls of the isolation; without supplies they have no way out. */
export function launcherFor(
  isolation: Isolation,
  { command, confinement, hiddenPaths, caFile, sharedDir, setsid }: Program,
  supplies?: Supplies,
): Launcher {
  /** The command line and environment of a process with this way out. */
  const lineFor = (
    flavour: Flavour,
    gate: EgressSocket | undefined,
    cgroup: Cgroup | undefined,
  ) => {
    const args = flavour === "node" ? [WITH_NODE] : [];
    const { env } = isolation;
    const groups = cgroup === undefined ? {} : { groupFiles: cgroup.files };
    const confined = { ...confinement, ...groups };
    if (gate === undefined) {
      return { line: isolation.wrap(command(NO_EGRESS_FLAGS, args), confined), env };
    }
    const egressSocket = gate.socketPath;
    const inside = isolation.egressPathInside(egressSocket);
    const ownEnv = { ...env, ...egressEnv(inside, caFile) };
    const flags = egressFlags(inside, isolation.expected.seccomp);
    const line = isolation.wrap(
      command(flags, [egressArgument(inside), ...args]),
      { ...confined, egressSocket, env: ownEnv },
    );
    return { line, env: ownEnv };
  };
  return {
    isolation,
    hiddenPaths,
    sharedDir,
    async spawn(flavour) {
      const cgroup = await supplies?.cgroups?.take();
      const gate = supplies?.egress.openSocket();
      try {
        const { line, env } = lineFor(flavour, gate, cgroup);
        return { child: spawn(line, env, setsid), gate, cgroup };
      } catch (error) {
        gate?.[Symbol.dispose]();
        cgroup?.[Symbol.dispose]();
        throw error;
      }
    },
  };
}

/** Puts the operator's certificates where processes can read them, as Node's TLS checks certificates by itself. */
async function writeCa(ca: string | undefined, denoDir: string): Promise<string | undefined> {
  if (ca === undefined) return undefined;
  const path = `${denoDir}/egress-ca.pem`;
  await Deno.writeTextFile(path, ca);
  return path;
}

/**
 * Puts directories in the place of Deno's analysis databases, which then stay in memory: a file that every
 * sandbox may write would be a channel between calls, and writing is forbidden to them anyway.
 */
async function blockDatabases(denoDir: string): Promise<void> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(denoDir)) {
    if (isFile && DATABASE_FILE.test(name)) names.push(name);
  }
  for (const name of names) {
    await Deno.remove(`${denoDir}/${name}`);
    await Deno.mkdir(`${denoDir}/${name}`);
  }
}
