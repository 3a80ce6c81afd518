/** The image of instances: directories, runtime and profile from which all of them start. */
import {
  findMachine,
  furtherSeccompFilter,
  type Machine,
  type Part,
  Parts,
  partsOfRoot,
  type Profile,
  seccompFilter,
} from "../../isolation/mod.ts";
import { isMissing, removeAll } from "../../shared/files.ts";
import { claimAgain, sharedDirectory } from "./shared_dir.ts";

/** Open files of one process. An idle process has about 20. */
const OPEN_FILES_MAX = 256;

/**
 * Where Deno can create nothing, so that it keeps its caches in memory: a file that all instances can write would be a
 * channel between invocations.
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
export type Image = Readonly<Awaited<ReturnType<typeof openImage>>>;

/** Inspects the machine and creates the directories. `cacheDir` is a private directory of the server. */
export async function openImage(cacheDir: string, searchPath: string) {
  const machine = await findMachine(searchPath);
  const ownDir = await ownDirectory(cacheDir, machine.isRoot);
  const sharedDir = machine.isRoot ? await sharedDirectory(ownDir) : ownDir;
  const runtimeDir = `${sharedDir}/runtime`;
  const isShared = sharedDir !== ownDir;
  const parts = new Parts(async () => {
    // Kept in it are files for later starts, and other servers remove a shared directory whose owner is gone.
    if (isMissing(ownDir)) await ownDirectory(ownDir, machine.isRoot);
    if (isShared) await claimAgain(sharedDir, ownDir);
  });
  await parts.add(directoryPart(runtimeDir));
  const seccompFile = `${sharedDir}/seccomp.bpf`;
  const { architecture } = machine;
  await parts.add(filePart(seccompFile, seccompFilter(architecture, { mayFork: false })));
  const zygoteSeccompFile = `${sharedDir}/seccomp-zygote.bpf`;
  const asRoot = { mayFork: true, mayManageForks: true };
  await parts.add(filePart(zygoteSeccompFile, seccompFilter(architecture, asRoot)));
  const hasRoot = machine.programs.bwrap !== undefined;
  const root = `${sharedDir}/root`;
  if (hasRoot) {
    await removeAll(root);
    for (const part of await partsOfRoot(root, machine, [runtimeDir])) await parts.add(part);
  }
  return {
    machine,
    profile: {
      ...functionProfile(machine, runtimeDir, seccompFile),
      ...(hasRoot ? { root } : {}),
    },
    /** What the seccomp filter of an instance denies beyond that of its zygote. */
    forkFilter: furtherSeccompFilter(architecture, { mayFork: false }, asRoot),
    /** File with the seccomp filter of a zygote. */
    zygoteSeccompFile,
    /** The private directory of the server. */
    ownDir,
    /** Holds what Deno reads at the start of an instance. */
    runtimeDir,
    /** Holds `runtimeDir` and all other files that instances of another user must reach. */
    sharedDir,
    /** Adds a file that was made. */
    keep: (part: Part) => parts.keep(part),
    /** Makes what somebody removed. Await it before each use of the files. */
    restore: () => parts.restore(),
    async [Symbol.asyncDispose]() {
      if (isShared) await Deno.remove(sharedDir, { recursive: true }).catch(() => {});
    },
  };
}

/** A file that every user may read. */
export function filePart(path: string, content: Uint8Array): Part {
  return {
    path,
    async make() {
      await Deno.writeFile(path, content);
      await Deno.chmod(path, 0o644);
    },
  };
}

function directoryPart(path: string): Part {
  return { path, make: () => Deno.mkdir(path, { recursive: true, mode: 0o755 }) };
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
