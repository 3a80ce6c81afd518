/**
 * Directories of sockets, of the egress proxy and of the registry proxies. The address of a unix socket has at most 103
 * bytes on some systems, so the path of such a directory is short. Only the server and the user of isolated processes can
 * enter it, and nobody can list it: who knows the random name of a socket may use it.
 */
import { dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { ifExists, isOwnerGone, removeAll } from "../shared/files.ts";
import { NOBODY_ID } from "./machine.ts";

const logger = getLogger(["invoked", "isolation"]);

/** Prefixes of the names: in a directory of the server, and beside files of others. */
const OWN_PREFIX = "sockets-";
const FOREIGN_PREFIX = "invoked-egress-";
/** Where else a root server puts it: Debian removes files of `/tmp` after ten days. */
const CACHE_DIR = "/var/cache/invoked";
/** File with the owner of a directory, so that the directory of a killed server can be removed. */
const OWNER_FILE = "owner";
const NAME_BYTES = 9;
/** Longest path of the directory, without the name of a socket. */
const PATH_MAX_BYTES = 90;
/** Group of the isolated processes of a server that is root. */
const NOBODY_GROUP = NOBODY_ID;

/** The directory of one server. Its disposal removes it. */
export type SocketDir = Readonly<Awaited<ReturnType<typeof openSocketDir>>>;

/**
 * Creates the directory of the only server on `stateDir`, in `parent` if its path is short enough and sockets work there.
 * Removes the directories of killed servers.
 */
export async function openSocketDir(stateDir: string, parent = stateDir) {
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  const owner = await Deno.realPath(stateDir);
  const path = await makeDirectory(await Deno.realPath(parent), owner);
  await fill(path, owner);
  return {
    path,
    /** Makes it anew at the same path once somebody has removed it, with all sockets. */
    part: {
      path,
      async make() {
        // Not recursive: a directory that somebody else has made meanwhile must not be used.
        await Deno.mkdir(path, { mode: 0o700 });
        await fill(path, owner);
      },
    },
    /** A new path for a socket. */
    newSocket: () => newSocket(path),
    /** Allows the user of isolated processes to connect to the socket. */
    share(socketPath: string): void {
      if (Deno.uid() !== 0) return Deno.chmodSync(socketPath, 0o600);
      Deno.chownSync(socketPath, null, NOBODY_GROUP);
      Deno.chmodSync(socketPath, 0o660);
    },
    [Symbol.asyncDispose]: () => removeDirectory(path),
  };
}

function newSocket(directory: string): string {
  const name = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
  return join(directory, name.toBase64({ alphabet: "base64url" }));
}

/** Names the owner of an empty directory, and closes it to all but the user of isolated processes. */
async function fill(path: string, owner: string): Promise<void> {
  await Deno.writeTextFile(join(path, OWNER_FILE), owner, { mode: 0o600 });
  const isRoot = Deno.uid() === 0;
  if (isRoot) await Deno.chown(path, null, NOBODY_GROUP);
  await Deno.chmod(path, isRoot ? 0o310 : 0o300);
}

/** A new directory, in the first of several parents where sockets work. */
async function makeDirectory(parent: string, owner: string): Promise<string> {
  const candidates = [
    { dir: parent, prefix: OWN_PREFIX },
    ...Deno.uid() === 0 ? [{ dir: CACHE_DIR, prefix: FOREIGN_PREFIX }] : [],
    { dir: undefined, prefix: FOREIGN_PREFIX },
    { dir: "/tmp", prefix: FOREIGN_PREFIX },
  ];
  const errors: string[] = [];
  for (const { dir, prefix } of candidates) {
    try {
      if (dir === CACHE_DIR) await Deno.mkdir(dir, { recursive: true, mode: 0o755 });
      const path = await makeIn(dir, prefix);
      // Earlier versions of the server made it elsewhere.
      const parents = new Set([dirname(path), ...candidates.flatMap(({ dir }) => dir ?? [])]);
      for (const each of parents) await removeAbandoned(each, owner, path);
      if (errors.length > 0) {
        logger.info("sockets are in {path}: {errors}", { path, errors: errors.join("; ") });
      }
      return path;
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`Failed to make a directory for sockets: ${errors.join("; ")}`);
}

/** @param dir that of temporary files where absent */
async function makeIn(dir: string | undefined, prefix: string): Promise<string> {
  const path = await Deno.realPath(await Deno.makeTempDir({ ...dir && { dir }, prefix }));
  try {
    await checkUse(path);
    return path;
  } catch (error) {
    await removeDirectory(path);
    throw error;
  }
}

/** Throws unless isolated processes can use sockets in the directory. */
async function checkUse(path: string): Promise<void> {
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > PATH_MAX_BYTES) {
    throw new Error(
      `${path} has ${bytes} bytes, the limit for the address of a socket is ${PATH_MAX_BYTES}`,
    );
  }
  // It would end the path in a permission flag of Deno.
  if (path.includes(",")) throw new Error(`${path} has a comma`);
  // Isolated processes of root run as another user.
  if (Deno.uid() === 0 && !await othersCanEnter(dirname(path))) {
    throw new Error(`other users cannot enter ${dirname(path)}`);
  }
  // It removes its socket when it closes.
  Deno.listen({ transport: "unix", path: newSocket(path) }).close();
}

/** Removes directories of killed servers: predecessors of this server, and servers whose data no longer exists. */
async function removeAbandoned(parent: string, owner: string, own: string): Promise<void> {
  for (const name of await namesIn(parent)) {
    if (!name.startsWith(OWN_PREFIX) && !name.startsWith(FOREIGN_PREFIX)) continue;
    const path = join(parent, name);
    if (path === own) continue;
    try {
      const { isDirectory, uid } = await Deno.lstat(path);
      // Other users can create anything with this prefix.
      if (!isDirectory || uid !== Deno.uid()) continue;
      const ownerFile = join(path, OWNER_FILE);
      const isPredecessor = await Deno.readTextFile(ownerFile) === owner;
      if (isPredecessor || await isOwnerGone(ownerFile)) await removeDirectory(path);
    } catch {
      // Another server is creating or removing it.
    }
  }
}

/** The names in a directory; none if it is missing or closed. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  } catch {
    return [];
  }
}

async function removeDirectory(path: string): Promise<void> {
  // To be removed it has to be listed.
  await ifExists(Deno.chmod(path, 0o700));
  await removeAll(path);
}

const OTHERS_EXECUTE = 0o001;

/** Whether other users can enter a directory and every one above it. */
export async function othersCanEnter(path: string): Promise<boolean> {
  for (let at = path;; at = dirname(at)) {
    if ((((await Deno.stat(at)).mode ?? 0) & OTHERS_EXECUTE) === 0) return false;
    if (at === "/") return true;
  }
}
