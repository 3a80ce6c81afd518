/** What a function's process finds on this machine: its directories, and what every mode is told of it. */
import {
  findMachine,
  type Machine,
  makeRoot,
  othersMayEnter,
  type Profile,
  seccompFilter,
} from "../../isolation/mod.ts";
import { prelinkedRuntime } from "./prelinked_runtime.ts";

/** Where directories stand that processes of another user must reach, their names, and the file that says whose. */
const SHARED_PARENT = "/tmp";
const SHARED_NAME = /^invoked-[0-9a-f]{16}$/;
const OWNER_FILE = "owner";

const OTHERS_MAY_WRITE = 0o022;

/** Open files; an idle process holds about 20. */
const OPEN_FILES_MAX = 256;

/**
 * One arena that grows in large steps, from huge pages where the kernel has some: a start touches a fifth fewer pages.
 * Deno's threads allocate next to nothing at the same time. A C library other than glibc does not look at it.
 */
const ALLOCATOR = [
  "glibc.malloc.arena_max=1",
  "glibc.malloc.hugetlb=1",
  `glibc.malloc.top_pad=${8 * 1024 * 1024}`,
  `glibc.malloc.mmap_threshold=${32 * 1024 * 1024}`,
  `glibc.malloc.trim_threshold=${64 * 1024 * 1024}`,
].join(":");

/** Disposing it removes what lies outside the server's own directories. */
export interface Image extends AsyncDisposable {
  readonly machine: Machine;
  readonly profile: Profile;
  /** Deno's cache, warmed, which no sandbox writes to. */
  readonly denoDir: string;
  /** Holds {@link denoDir} and what else processes of another user must reach. */
  readonly sharedDir: string;
}

/** Looks at the machine and makes the directories. `cacheDir` is a private directory of the server. */
export async function openImage(cacheDir: string, searchPath: string): Promise<Image> {
  const found = await findMachine(searchPath);
  const ownDir = await ownDirectory(cacheDir, found.isRoot);
  const sharedDir = found.isRoot ? await sharedDirectory(ownDir) : ownDir;
  const machine = { ...found, deno: await prelinkedRuntime(found.deno, sharedDir) };
  const denoDir = `${sharedDir}/sandbox`;
  await Deno.mkdir(denoDir, { recursive: true, mode: 0o755 });
  const seccompFile = `${sharedDir}/seccomp.bpf`;
  const filter = seccompFilter(machine.architecture, { mayFork: false });
  await Deno.writeFile(seccompFile, filter, { mode: 0o644 });
  const hasRoot = machine.programs.bwrap !== undefined;
  const root = `${sharedDir}/root`;
  if (hasRoot) await makeRoot(root, machine, [denoDir]);
  return {
    machine,
    profile: {
      ...functionProfile(machine, denoDir, seccompFile),
      ...(hasRoot ? { root } : {}),
    },
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
    // Not a byte to any file: the cache was filled before.
    fileBytesMax: 0,
    // Deno's look for a newer version would ask the network.
    env: {
      DENO_DIR: denoDir,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      TZ: "UTC",
      GLIBC_TUNABLES: ALLOCATOR,
    },
    words: {
      inner: "deno permissions",
      // The network stays closed to what is not sure to go by the egress proxy.
      withoutSeccomp: "fetch and WebSocket reach nothing, whatever the allowlist of a function",
      withoutLimits: "memory outside the V8 heap has no limit, a killed server leaves running " +
        "functions to their own end",
    },
  };
}

async function ownDirectory(cacheDir: string, isRoot: boolean): Promise<string> {
  await Deno.mkdir(cacheDir, { recursive: true, mode: isRoot ? 0o755 : 0o700 });
  return await Deno.realPath(cacheDir);
}

/**
 * The cache directory where the processes' user can enter it. Where the server is root and the way there is closed
 * to others, as that to a data directory is, a directory below /tmp, the same at every start.
 */
async function sharedDirectory(ownDir: string): Promise<string> {
  if (await othersMayEnter(ownDir)) return ownDir;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ownDir));
  const shared = `${SHARED_PARENT}/invoked-${new Uint8Array(digest).toHex().slice(0, 16)}`;
  await Deno.mkdir(shared, { mode: 0o755 }).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  });
  const info = await Deno.lstat(shared);
  if (isOwn(info)) {
    await Deno.chmod(shared, 0o755);
    await Deno.writeTextFile(`${shared}/${OWNER_FILE}`, ownDir, { mode: 0o600 });
    await sweepShared();
    return shared;
  }
  throw new Error(`Cannot use ${shared} for sandboxes: it was made by another user; remove it`);
}

/** A directory that nobody but root can have made or filled. */
function isOwn({ isDirectory, uid, mode }: Deno.FileInfo): boolean {
  return isDirectory && uid === 0 && ((mode ?? 0) & OTHERS_MAY_WRITE) === 0;
}

/** Removes directories of servers that were killed, and whose own directory is gone since. */
async function sweepShared(): Promise<void> {
  for await (const { name } of Deno.readDir(SHARED_PARENT)) {
    if (!SHARED_NAME.test(name)) continue;
    const path = `${SHARED_PARENT}/${name}`;
    try {
      if (!isOwn(await Deno.lstat(path))) continue;
      const owner = await Deno.readTextFile(`${path}/${OWNER_FILE}`);
      const isGone = await Deno.stat(owner).then(() => false, isNotFound);
      if (isGone) await Deno.remove(path, { recursive: true });
    } catch {
      // Another server is just making or sweeping it.
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** Lets every user read a directory and all in it. */
export async function openForReading(directory: string): Promise<void> {
  await Deno.chmod(directory, 0o755);
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    if (isDirectory) await openForReading(`${directory}/${name}`);
    else if (isFile) await Deno.chmod(`${directory}/${name}`, 0o644);
  }
}
