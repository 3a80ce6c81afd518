/**
 * Where the sockets that lead out of confined processes live: a short path, as the address of a unix socket has at most 103 bytes on some
 * systems, and out of reach of other users of the machine but the one that confined processes run as.
 */
import { dirname, join } from "node:path";
import { othersMayEnter } from "./access.ts";
import { NOBODY_ID } from "./machine.ts";

/** Begins the names of the directories, which stand where temporary files do. */
const PREFIX = "invoked-egress-";
/** Names whose server it is, so that the directory of one that was killed is removed. */
const OWNER_FILE = "owner";
const NAME_BYTES = 9;
/** Longest path of the directory; the name of a socket comes behind it. */
const PATH_MAX_CHARS = 80;
/** Group that confined processes of a server that is root run in. */
const NOBODY_GROUP = NOBODY_ID;

/** The directory of one server. Disposing it removes it. */
export interface SocketDir extends AsyncDisposable {
  readonly path: string;
  /** A path that no socket had before. */
  newSocket(): string;
  /** Lets the user of confined processes connect to the socket. */
  share(socketPath: string): void;
}

/** Makes the directory of the server that alone uses `stateDir`, and removes those that killed servers left. */
export async function openSocketDir(stateDir: string): Promise<SocketDir> {
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  const owner = await Deno.realPath(stateDir);
  const path = await makeDirectory();
  await removeLeftOvers(dirname(path), owner);
  await Deno.writeTextFile(join(path, OWNER_FILE), owner, { mode: 0o600 });
  const isRoot = Deno.uid() === 0;
  if (isRoot) {
    await Deno.chown(path, null, NOBODY_GROUP);
    await Deno.chmod(path, 0o710);
  }
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
    [Symbol.asyncDispose]: () => removed(path),
  };
}

async function makeDirectory(): Promise<string> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: PREFIX }));
  // A comma would end the path in a permission flag of Deno. The sandboxes of root are those of another user.
  const isFit = path.length <= PATH_MAX_CHARS && !path.includes(",") &&
    (Deno.uid() !== 0 || await othersMayEnter(dirname(path)));
  if (isFit) return path;
  await removed(path);
  return await Deno.realPath(await Deno.makeTempDir({ dir: "/tmp", prefix: PREFIX }));
}

/** Removes directories whose server was killed: this server's own of before, and those whose data is gone. */
async function removeLeftOvers(parent: string, owner: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(parent, name);
    try {
      const { isDirectory, uid } = await Deno.lstat(path);
      // Another user may have put anything there.
      if (!isDirectory || uid !== Deno.uid()) continue;
      const its = await Deno.readTextFile(join(path, OWNER_FILE));
      if (its === owner || await isGone(its)) await removed(path);
    } catch {
      // Another server is just making or removing it.
    }
  }
}

function isGone(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => false, (error) => error instanceof Deno.errors.NotFound);
}

async function removed(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
