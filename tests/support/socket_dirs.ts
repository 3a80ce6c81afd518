/** Where the sockets of a server are. */
import assert from "node:assert/strict";
import { join } from "node:path";

/** Where a root server keeps what instances of another user must reach. */
const SHARED = "/var/cache/invoked";

/** The directories of sockets of instances, or of the compiler, of the server on a data directory: one while it runs. */
export async function socketDirsOf(
  dataDir: string,
  user: "instances" | "compiler" = "instances",
): Promise<string[]> {
  const state = user === "instances" ? join("cache", "sandbox") : "work";
  const owner = await Deno.realPath(join(dataDir, state));
  const parents = [owner, SHARED, ...(await namesIn(SHARED)).map((name) => join(SHARED, name))];
  const found: string[] = [];
  for (const parent of parents) {
    for (const name of await namesIn(parent)) {
      const path = join(parent, name);
      const named = await Deno.readTextFile(join(path, "owner")).catch(() => "");
      if (/^(sockets|invoked-egress)-/.test(name) && named === owner) found.push(path);
    }
  }
  return found;
}

/**
 * Denies connections to the sockets of instances, so that forks fail, while processes that are spawned for one
 * invocation run. Returns what allows connections again.
 */
export async function denySockets(dataDir: string): Promise<() => Promise<void>> {
  const denied: { readonly path: string; readonly mode: number }[] = [];
  for (const directory of await socketDirsOf(dataDir)) {
    for await (const { name } of Deno.readDir(directory)) {
      const path = join(directory, name);
      const { isSocket, mode } = await Deno.lstat(path);
      if (!isSocket || mode === null) continue;
      await Deno.chmod(path, 0);
      denied.push({ path, mode: mode & 0o777 });
    }
  }
  assert.ok(denied.length > 0, "no sockets");
  return async () => {
    // A template that has ended has taken its socket along.
    for (const { path, mode } of denied) await Deno.chmod(path, mode).catch(ignoreMissing);
  };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

async function namesIn(directory: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(directory), ({ name }) => name).catch(() => []);
}
