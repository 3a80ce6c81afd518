/**
 * The directory of egress sockets. Its path is short, because the address of a unix socket has at most 103 bytes on some
 * systems. Only the server and the user of isolated processes can enter it, and nobody can list it: who knows the
 * random name of a socket may use it.
 */
import { dirname, join } from "node:path";
import { isOwnerGone } from "../shared/files.ts";
import { othersCanEnter } from "./access.ts";
import { NOBODY_ID } from "./machine.ts";

/** Prefix of the directories, which are created in the directory of temporary files. */
const PREFIX = "invoked-egress-";
/** File with the owner of a directory, so that the directory of a killed server can be removed. */
const OWNER_FILE = "owner";
const NAME_BYTES = 9;
/** Longest path of the directory, without the name of a socket. */
const PATH_MAX_CHARS = 80;
/** Group of the isolated processes of a server that is root. */
const NOBODY_GROUP = NOBODY_ID;

/** The directory of one server. Its disposal removes it. */
export interface SocketDir extends AsyncDisposable {
  readonly path: string;
  /** A new path for a socket. */
  newSocket(): string;
  /** Allows the user of isolated processes to connect to the socket. */
  share(socketPath: string): void;
}

/** Creates the directory of the only server on `stateDir`. Removes the directories of killed servers. */
export async function openSocketDir(stateDir: string): Promise<SocketDir> {
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  const owner = await Deno.realPath(stateDir);
  const path = await makeDirectory();
  await removeAbandoned(dirname(path), owner);
  await Deno.writeTextFile(join(path, OWNER_FILE), owner, { mode: 0o600 });
  const isRoot = Deno.uid() === 0;
  if (isRoot) await Deno.chown(path, null, NOBODY_GROUP);
  await Deno.chmod(path, isRoot ? 0o310 : 0o300);
  return {
    path,
    newSocket() {
      const name = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
      return join(path, name.toBase64({ alphabet: "base64url" }));
    },
    share(socketPath) {
      if (!isRoot) return Deno.chmodSync(socketPath, 0o600);
      Deno.chownSync(socketPath, null, NOBODY_GROUP);
      Deno.chmodSync(socketPath, 0o660);
    },
    [Symbol.asyncDispose]: () => removeDirectory(path),
  };
}

async function makeDirectory(): Promise<string> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: PREFIX }));
  // A comma would end the path in a permission flag of Deno. Isolated processes of root run as another user.
  const isUsable = path.length <= PATH_MAX_CHARS && !path.includes(",") &&
    (Deno.uid() !== 0 || await othersCanEnter(dirname(path)));
  if (isUsable) return path;
  await removeDirectory(path);
  return await Deno.realPath(await Deno.makeTempDir({ dir: "/tmp", prefix: PREFIX }));
}

/** Removes directories of killed servers: predecessors of this server, and servers whose data no longer exists. */
async function removeAbandoned(parent: string, owner: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(parent, name);
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

async function removeDirectory(path: string): Promise<void> {
  try {
    // To be removed it has to be listed.
    await Deno.chmod(path, 0o700);
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
