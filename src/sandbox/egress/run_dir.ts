/**
 * Where the sockets of the gates live: a short path, as the address of a unix socket has at most 107 bytes, and out
 * of reach of other users of the machine but the one that sandboxes run as.
 */
import { basename, join } from "node:path";

/** Begins the name of the directory, so that nothing else is ever removed as the left-over of a killed server. */
const PREFIX = "invoked-egress-";
const NAME_BYTES = 9;
/** Longest path of the directory; a socket's address has at most 103 bytes on macOS. */
const PATH_MAX_CHARS = 80;
/** Group that sandboxes of a server that is root run in. */
const NOBODY_GROUP = 65_534;

/** The directory of one server. Disposing it removes it. */
export interface RunDir extends AsyncDisposable {
  /** A path that no socket had before. */
  newSocket(): string;
  /** Lets the user of sandboxes connect to the socket. */
  share(socketPath: string): void;
}

/** Makes the directory. `stateDir` keeps its path, to remove it after a kill of the server. */
export async function openRunDir(stateDir: string): Promise<RunDir> {
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  const record = join(stateDir, "egress-dir");
  await removeLeftOver(record);
  const path = await makeDirectory();
  await Deno.writeTextFile(record, path);
  const isRoot = Deno.uid() === 0;
  if (isRoot) {
    await Deno.chown(path, null, NOBODY_GROUP);
    await Deno.chmod(path, 0o710);
  }
  return {
    newSocket() {
      const name = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
      return join(path, name.toBase64({ alphabet: "base64url" }));
    },
    share(socketPath) {
      if (!isRoot) return Deno.chmodSync(socketPath, 0o600);
      Deno.chownSync(socketPath, null, NOBODY_GROUP);
      Deno.chmodSync(socketPath, 0o660);
    },
    async [Symbol.asyncDispose]() {
      await removed(path);
      await removed(record);
    },
  };
}

async function makeDirectory(): Promise<string> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: PREFIX }));
  // A comma would end the path in a permission flag of Deno.
  if (path.length <= PATH_MAX_CHARS && !path.includes(",")) return path;
  await removed(path);
  return await Deno.realPath(await Deno.makeTempDir({ dir: "/tmp", prefix: PREFIX }));
}

async function removeLeftOver(record: string): Promise<void> {
  try {
    const path = await Deno.readTextFile(record);
    if (basename(path).startsWith(PREFIX)) await removed(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function removed(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
