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
 * Where Deno can create nothing, so that it keeps its caches in memory: a file that all instances can write would be a
 * channel between calls.
 */
const NO_DIRECTORY = "/dev/null/deno";

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
  /** Holds what Deno reads at the start of an instance. */
  readonly runtimeDir: string;
  /** Holds {@link runtimeDir} and all other files that instances of another user must reach. */
  readonly sharedDir: string;
}

/** Inspects the machine and creates the directories. `cacheDir` is a private directory of the server. */
export async function openImage(cacheDir: string, searchPath: string): Promise<Image> {
  const machine = await findMachine(searchPath);
  const ownDir = await ownDirectory(cacheDir, machine.isRoot);
  const sharedDir = machine.isRoot ? await sharedDirectory(ownDir) : ownDir;
  const runtimeDir = `${sharedDir}/runtime`;
  await Deno.mkdir(runtimeDir, { recursive: true, mode: 0o755 });
  const seccompFile = `${sharedDir}/seccomp.bpf`;
  const filter = seccompFilter(machine.architecture, { mayFork: false });
  await Deno.writeFile(seccompFile, filter, { mode: 0o644 });
  const rootSeccompFile = `${sharedDir}/seccomp-root.bpf`;
  const rootFilter = seccompFilter(machine.architecture, { mayFork: true, mayManageForks: true });
  await Deno.writeFile(rootSeccompFile, rootFilter, { mode: 0o644 });
  const hasRoot = machine.programs.bwrap !== undefined;
  const root = `${sharedDir}/root`;
  if (hasRoot) await makeRoot(root, machine, [runtimeDir]);
  return {
    machine,
    profile: {
      ...functionProfile(machine, runtimeDir, seccompFile),
      ...(hasRoot ? { root } : {}),
    },
    filter,
    rootSeccompFile,
    runtimeDir,
    sharedDir,
    async [Symbol.asyncDispose]() {
      if (sharedDir !== ownDir) await Deno.remove(sharedDir, { recursive: true }).catch(() => {});
    },
  };
}

function functionProfile({ isRoot }: Machine, runtimeDir: string, seccompFile: string): Profile {
  return {
    name: "functions",
    hostName: "function",
    identities: isRoot ? ["nobody", "own"] : ["own"],
    readable: [runtimeDir],
    seccompFile,
    openFilesMax: OPEN_FILES_MAX,
    fileBytesMax: 0,
    // Deno's update check would use the network.
    env: {
      DENO_DIR: NO_DIRECTORY,
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
