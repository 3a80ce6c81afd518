/** The command line of an instance, and the measurement that its memory limit is based on. */
import { pathToFileURL } from "node:url";
import { READY_MESSAGE } from "../../runtime/wire.ts";
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
  unconfined,
} from "../../isolation/mod.ts";
import { type Image, openForReading } from "../image/image.ts";
import { bundleRuntime } from "../image/runtime_bundle.ts";

const BYTES_PER_MIB = 1024 * 1024;
const BYTES_PER_KIB = 1024;
const MS_PER_SECOND = 1000;
/** Least V8 heap in MiB with which the runtime itself starts. */
const HEAP_MIN_MIB = 16;

/** Longest wait for the ready message of a process. */
export const START_TIMEOUT_MS = 10_000;
/** Most bytes of a failed process's stderr in an error message. */
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

/** For an instance without network. */
const NO_EGRESS_FLAGS = ["--deny-read", "--deny-write", "--deny-net"] as const;

/** Deno's caches of module analyses and their journals. */
const DATABASE_FILE = /_cache_v\d+(-wal|-shm|-journal)?$/;

/** A process with its egress socket and its cgroup. The caller of `spawn` disposes both after the process has ended. */
export interface Spawned {
  readonly child: Deno.ChildProcess;
  readonly egressSocket: EgressSocket | undefined;
  /** Reserved for the process until it has ended. */
  readonly cgroup: Cgroup | undefined;
}

/** Starts processes. */
export interface Launcher {
  readonly isolation: Isolation;
  /** Paths of the server that a crash of Deno may print. Logs hide them. */
  readonly hiddenPaths: readonly string[];
  /** A directory that the user of the instances can enter. */
  readonly sharedDir: string;
  spawn(): Promise<Spawned>;
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

/** The error of a failed start, with the end of stderr. */
export function startError(reason: string, stderr: Uint8Array): Error {
  const printed = new TextDecoder().decode(stderr.subarray(-START_STDERR_MAX_BYTES)).trim();
  return new Error(`Cannot start an instance: ${reason}${printed === "" ? "" : `: ${printed}`}`);
}

/**
 * Runs one process without limits. It fills the cache directory, which is read-only for all later processes, and shows
 * how much memory the runtime needs.
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
    if (value === undefined || new TextDecoder().decode(value) !== READY_MESSAGE) {
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

/** What every instance runs, and its limits of memory and processor time. */
export interface Program {
  /** The command line with these permission flags and bootstrap arguments. */
  command(flags: readonly string[], args: readonly string[]): readonly string[];
  readonly hiddenPaths: readonly string[];
  /** File with the certificates of `--egress-ca`. */
  readonly caFile: string | undefined;
  readonly confinement: Confinement;
  readonly sharedDir: string;
  readonly setsid: string | undefined;
}

/** Fills the cache directory and measures the memory of the runtime, once for each start of the server. */
export async function prepareProgram(
  limits: SandboxLimits,
  image: Image,
  ca: string | undefined,
): Promise<Program> {
  const heapMib = Math.max(HEAP_MIN_MIB, Math.floor(limits.memoryBytes / BYTES_PER_MIB));
  const bootstrap = await bundleRuntime(image.denoDir);
  const command: Program["command"] = (flags, args) => [
    image.machine.deno,
    "run",
    ...DENY_FLAGS,
    ...flags,
    `--v8-flags=--max-old-space-size=${heapMib}`,
    bootstrap,
    ...args,
  ];
  const { wrap, env } = unconfined(image.machine, image.profile);
  const { setsid } = image.machine.programs;
  const first = wrap(command(NO_EGRESS_FLAGS, []), {});
  const idleBytes = await warmUp(first, env, setsid);
  await blockDatabases(image.denoDir);
  const caFile = await writeCa(ca, image.denoDir);
  if (image.machine.isRoot) await openForReading(image.denoDir);
  return {
    command,
    hiddenPaths: [pathToFileURL(bootstrap).href, bootstrap, image.machine.deno],
    caFile,
    sharedDir: image.sharedDir,
    setsid,
    confinement: {
      cpuSeconds: Math.ceil(limits.cpuTimeMs / MS_PER_SECOND),
      ...(idleBytes === undefined ? {} : { dataBytes: idleBytes + limits.memoryBytes }),
    },
  };
}

/** What each instance gets for itself. */
export interface Supplies {
  readonly egress: EgressProxy;
  /** Undefined when the server cannot create cgroups. */
  readonly cgroups: Cgroups | undefined;
}

/** Starts instances of the program in this isolation. Without supplies they have no network. */
export function launcherFor(
  isolation: Isolation,
  { command, confinement, hiddenPaths, caFile, sharedDir, setsid }: Program,
  supplies?: Supplies,
): Launcher {
  const commandLineOf = (
    egressSocket: EgressSocket | undefined,
    cgroup: Cgroup | undefined,
  ) => {
    const { env } = isolation;
    const groups = cgroup === undefined ? {} : { groupFiles: cgroup.files };
    const confined = { ...confinement, ...groups };
    if (egressSocket === undefined) {
      return { line: isolation.wrap(command(NO_EGRESS_FLAGS, []), confined), env };
    }
    const { socketPath } = egressSocket;
    const inside = isolation.egressPathInside(socketPath);
    const ownEnv = { ...env, ...egressEnv(inside, caFile) };
    const flags = egressFlags(inside, isolation.expected.seccomp);
    const line = isolation.wrap(
      command(flags, [egressArgument(inside)]),
      { ...confined, egressSocket: socketPath, env: ownEnv },
    );
    return { line, env: ownEnv };
  };
  return {
    isolation,
    hiddenPaths,
    sharedDir,
    async spawn() {
      const cgroup = await supplies?.cgroups?.take();
      const egressSocket = supplies?.egress.openSocket();
      try {
        const { line, env } = commandLineOf(egressSocket, cgroup);
        return { child: spawn(line, env, setsid), egressSocket, cgroup };
      } catch (error) {
        egressSocket?.[Symbol.dispose]();
        cgroup?.[Symbol.dispose]();
        throw error;
      }
    },
  };
}

/** Writes the operator's certificates where instances can read them: Node's TLS verifies certificates itself. */
async function writeCa(ca: string | undefined, denoDir: string): Promise<string | undefined> {
  if (ca === undefined) return undefined;
  const path = `${denoDir}/egress-ca.pem`;
  await Deno.writeTextFile(path, ca);
  return path;
}

/**
 * Replaces Deno's analysis databases by directories, so that Deno keeps them in memory. A file that all instances can
 * write would be a channel between calls.
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
