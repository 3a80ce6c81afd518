/** What the modes need to know of this machine: programs, libraries, directories. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { librariesOf } from "./libraries.ts";
import { type Architecture, seccompFilter } from "./seccomp.ts";

/** The user and group `nobody`, who own nothing. */
export const NOBODY_ID = 65_534;

/** Where directories stand that processes of another user must reach, their names, and the file that says whose. */
const SHARED_PARENT = "/tmp";
const SHARED_NAME = /^invoked-[0-9a-f]{16}$/;
const OWNER_FILE = "owner";

const OTHERS_MAY_ENTER = 0o001;
const OTHERS_MAY_WRITE = 0o022;

/** Wrappers that may or may not be installed, by absolute path. */
export interface Programs {
  readonly bwrap: string | undefined;
  readonly setsid: string | undefined;
  readonly setpriv: string | undefined;
  readonly prlimit: string | undefined;
  readonly sh: string | undefined;
}

/** Disposing it removes what lies outside the server's own directories. */
export interface Surroundings extends AsyncDisposable {
  readonly programs: Programs;
  readonly deno: string;
  /** Shared libraries of Deno and its loader, at the paths where the loader looks for them. */
  readonly libraries: readonly string[];
  /** Holds the bootstrap. */
  readonly runtimeDir: string;
  /** Deno's cache, warmed, which no sandbox writes to. */
  readonly denoDir: string;
  /** Holds {@link denoDir} and what else processes of another user must reach. */
  readonly sharedDir: string;
  readonly seccompFile: string;
  /** Whether the server may start processes of other users. */
  readonly isRoot: boolean;
}

/** The first file of this name in the search path that can be executed. */
export async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(":")) {
    if (!directory.startsWith("/")) continue;
    const path = `${directory.replace(/\/+$/, "")}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return undefined;
}

/** Looks at the machine and makes the directories. `cacheDir` is a private directory of the server. */
export async function survey(cacheDir: string, searchPath: string): Promise<Surroundings> {
  const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
  const ownDir = await ownDirectory(cacheDir, isRoot);
  const sharedDir = isRoot ? await sharedDirectory(ownDir) : ownDir;
  const denoDir = `${sharedDir}/sandbox`;
  await Deno.mkdir(denoDir, { recursive: true, mode: 0o755 });
  const seccompFile = `${sharedDir}/seccomp.bpf`;
  await Deno.writeFile(seccompFile, seccompFilter(Deno.build.arch as Architecture), {
    mode: 0o644,
  });
  const [bwrap, setsid, setpriv, prlimit, sh] = await Promise.all(
    ["bwrap", "setsid", "setpriv", "prlimit", "sh"].map((name) => findProgram(name, searchPath)),
  );
  const deno = Deno.execPath();
  return {
    programs: { bwrap, setsid, setpriv, prlimit, sh },
    deno,
    libraries: Deno.build.os === "linux" ? await librariesOf(deno) : [],
    runtimeDir: fileURLToPath(new URL("../../runtime", import.meta.url)),
    denoDir,
    sharedDir,
    seccompFile,
    isRoot,
    async [Symbol.asyncDispose]() {
      if (sharedDir !== ownDir) await Deno.remove(sharedDir, { recursive: true }).catch(() => {});
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

/** Whether other users can enter a directory and every one above it. */
export async function othersMayEnter(path: string): Promise<boolean> {
  for (let at = path;; at = dirname(at)) {
    if ((((await Deno.stat(at)).mode ?? 0) & OTHERS_MAY_ENTER) === 0) return false;
    if (at === "/") return true;
  }
}

/** Lets every user read a directory and all in it. */
export async function openForReading(directory: string): Promise<void> {
  await Deno.chmod(directory, 0o755);
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    if (isDirectory) await openForReading(`${directory}/${name}`);
    else if (isFile) await Deno.chmod(`${directory}/${name}`, 0o644);
  }
}
