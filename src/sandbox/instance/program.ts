/** What every instance runs, prepared once for each start of the server. */
import { pathToFileURL } from "node:url";
import {
  type Confinement,
  killGroup,
  readProcfs,
  spawnGroup,
  unconfined,
} from "../../isolation/mod.ts";
import { READY_MESSAGE } from "../../runtime/wire.ts";
import type { SandboxLimits } from "../contract.ts";
import { type Image, openForReading } from "../image/image.ts";
import { bundleRuntime } from "../image/runtime_bundle.ts";
import { START_TIMEOUT_MS, startError } from "./start.ts";

const BYTES_PER_MIB = 1024 * 1024;
const BYTES_PER_KIB = 1024;
const MS_PER_SECOND = 1000;
/** Least V8 heap in MiB with which the runtime itself starts. */
const HEAP_MIN_MIB = 16;

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
] as const;

/**
 * V8 without threads of its own, which a fork would lose. Without Maglev a hot loop reaches its full speed then. The
 * root collects its garbage once, because every page that it has costs each fork.
 */
const FORKING_V8_FLAGS = ["--single-threaded", "--no-maglev", "--expose-gc"] as const;

/** For an instance without network. */
export const NO_EGRESS_FLAGS = ["--deny-read", "--deny-write", "--deny-net"] as const;

/** Deno's caches of module analyses and their journals. */
const DATABASE_FILE = /_cache_v\d+(-wal|-shm|-journal)?$/;

/** Whether a process forks others: only then it may call foreign functions, until it is hardened. */
export type Purpose = "single" | "root";

export interface Program {
  /** The command line with these permission flags and bootstrap arguments. */
  command(purpose: Purpose, flags: readonly string[], args: readonly string[]): readonly string[];
  readonly hiddenPaths: readonly string[];
  /** File with the certificates of `--egress-ca`. */
  readonly caFile: string | undefined;
  readonly confinement: Confinement;
  readonly sharedDir: string;
  readonly setsid: string | undefined;
}

/** Fills the cache directory and measures the memory of the runtime. */
export async function prepareProgram(
  limits: SandboxLimits,
  image: Image,
  ca: string | undefined,
): Promise<Program> {
  const heapMib = Math.max(HEAP_MIN_MIB, Math.floor(limits.memoryBytes / BYTES_PER_MIB));
  const bootstrap = await bundleRuntime(image.denoDir);
  const command: Program["command"] = (purpose, flags, args) => [
    image.machine.deno,
    "run",
    ...DENY_FLAGS,
    purpose === "root" ? "--allow-ffi" : "--deny-ffi",
    ...flags,
    `--v8-flags=${
      [...purpose === "root" ? FORKING_V8_FLAGS : [], `--max-old-space-size=${heapMib}`].join(",")
    }`,
    bootstrap,
    ...args,
  ];
  const { wrap, env } = unconfined(image.machine, image.profile);
  const { setsid } = image.machine.programs;
  const first = wrap(command("single", NO_EGRESS_FLAGS, []), {});
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

/** Private writable memory of a live process in bytes, or undefined outside Linux. */
export async function privateBytes(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const kib = /^VmData:\s+(\d+) kB$/m.exec(await readProcfs(`${pid}/status`) ?? "")?.[1];
  if (kib === undefined) throw new Error(`Cannot measure the memory of the idle process ${pid}`);
  return Number(kib) * BYTES_PER_KIB;
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
  const child = spawnGroup(command, { env, setsid, cwd: "/", stdin: "piped" });
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
