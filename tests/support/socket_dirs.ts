/** Where the sockets of a server are. */
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

async function namesIn(directory: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(directory), ({ name }) => name).catch(() => []);
}
