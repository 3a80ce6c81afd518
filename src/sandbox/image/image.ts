/** The image of instances: directories, runtime and profile from which all of them start. */
import {
  findMachine,
  type Machine,
  makeRoot,
  type Profile,
  seccompFilter,
} from "../../isolation/mod.ts";
import { sharedDirectory } from "./shared_dir.ts";

/** Open files of one process. An idle process has about 20. */
const OPEN_FILES_MAX = 256;

/**
 * One arena that grows in large steps, from huge pages if the kernel has some: a start touches a fifth fewer pages.
 * Deno's threads rarely allocate at the same time. C libraries other than glibc ignore these settings.
 */
const ALLOCATOR = [
  "glibc.malloc.arena_max=1",
  "glibc.malloc.hugetlb=1",
  `glibc.malloc.top_pad=${8 * 1024 * 1024}`,
  `glibc.malloc.mmap_threshold=${32 * 1024 * 1024}`,
  `glibc.malloc.trim_threshold=${64 * 1024 * 1024}`,
].join(":");

/** Its disposal removes the directories outside of the server's own. */
export interface Image extends AsyncDisposable {
  readonly machine: Machine;
  readonly profile: Profile;
  /** The seccomp filter of instances. */
  readonly filter: Uint8Array<ArrayBuffer>;
  /** File with the seccomp filter of a root. */
  readonly rootSeccompFile: string;
  /** Deno's warm cache, read-only for instances. */
  readonly denoDir: string;
  /** Holds {@link denoDir} and all other files that instances of another user must reach. */
  readonly sharedDir: string;
}

/** Inspects the machine and creates the directories. `cacheDir` is a private directory of the server. */
export async function openImage(cacheDir: string, searchPath: string): Promise<Image> {
  const machine = await findMachine(searchPath);
  const ownDir = await ownDirectory(cacheDir, machine.isRoot);
  const sharedDir = machine.isRoot ? await sharedDirectory(ownDir) : ownDir;
  const denoDir = `${sharedDir}/sandbox`;
  await Deno.mkdir(denoDir, { recursive: true, mode: 0o755 });
  const seccompFile = `${sharedDir}/seccomp.bpf`;
  const filter = seccompFilter(machine.architecture, { mayFork: false });
  await Deno.writeFile(seccompFile, filter, { mode: 0o644 });
  const rootSeccompFile = `${sharedDir}/seccomp-root.bpf`;
  const rootFilter = seccompFilter(machine.architecture, { mayFork: true, mayManageForks: true });
  await Deno.writeFile(rootSeccompFile, rootFilter, { mode: 0o644 });
  const hasRoot = machine.programs.bwrap !== undefined;
  const root = `${sharedDir}/root`;
  if (hasRoot) await makeRoot(root, machine, [denoDir]);
  return {
    machine,
    profile: {
      ...functionProfile(machine, denoDir, seccompFile),
      ...(hasRoot ? { root } : {}),
    },
    filter,
    rootSeccompFile,
    denoDir,
    sharedDir,
    async [Symbol.asyncDispose]() {
      if (sharedDir !== ownDir) await Deno.remove(sharedDir, { recursive: true }).catch(() => {});
    },
  };
}

function functionProfile({ isRoot }: Machine, denoDir: string, seccompFile: string): Profile {
  return {
    name: "functions",
    hostName: "function",
    identities: isRoot ? ["nobody", "own"] : ["own"],
    readable: [denoDir],
    seccompFile,
    openFilesMax: OPEN_FILES_MAX,
    // Instances write no files: the cache is warm.
    fileBytesMax: 0,
    // Deno's update check would use the network.
    env: {
      DENO_DIR: denoDir,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      TZ: "UTC",
      GLIBC_TUNABLES: ALLOCATOR,
    },
    descriptions: {
      inner: "deno permissions",
      // Without seccomp Deno denies all connections that might bypass the egress proxy.
      withoutSeccomp: "fetch and WebSocket have no network, whatever the allowlist of a function",
      withoutLimits: "memory outside the V8 heap has no limit, functions keep running after a " +
        "server that is killed",
    },
  };
}

async function ownDirectory(cacheDir: string, isRoot: boolean): Promise<string> {
  await Deno.mkdir(cacheDir, { recursive: true, mode: isRoot ? 0o755 : 0o700 });
  return await Deno.realPath(cacheDir);
}

/** Makes a directory and everything in it readable for every user. */
export async function openForReading(directory: string): Promise<void> {
  await Deno.chmod(directory, 0o755);
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    if (isDirectory) await openForReading(`${directory}/${name}`);
    else if (isFile) await Deno.chmod(`${directory}/${name}`, 0o644);
  }
}
