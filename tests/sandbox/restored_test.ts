/** Cleaners of old files may remove those of instances while the server runs. Processes start all the same. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { output, run, type Sandboxes, sandboxTest, sharedDirOf, treePids } from "./harness.ts";

const POOL = { poolSize: 2, cpuTimeMs: 60_000 };
/** Reads the clock: on a busy machine another script may earn a template by its evaluations. */
const GOOD = "const at = Date.now(); const main = () => ({ ok: at && 1 });";

/** Kills processes of which some may have ended. */
function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Resolves once an invocation succeeds in a process of this kind. */
async function succeedsIn(sandboxes: Sandboxes, ...kinds: string[]): Promise<void> {
  await eventually(async () => {
    // An invocation whose process is killed fails.
    const { outcome, process = "" } = await run(sandboxes, GOOD);
    return outcome.kind === "success" && kinds.includes(process) || undefined;
  }, `a call in a process of the kind ${kinds}`);
}

/** Paths below a directory and their permissions, without the sockets, which have random names. */
async function treeOf(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    const { mode } = await Deno.lstat(path);
    const isListed = isDirectory && !name.startsWith("sockets-");
    paths.push(`${path} ${mode?.toString(8)}`, ...isListed ? await treeOf(path) : []);
  }
  return paths.sort();
}

sandboxTest(
  "files of instances that were removed are made anew",
  async (sandboxes, _context, _mode, cacheDir) => {
    await succeedsIn(sandboxes, "root");
    const shared = await sharedDirOf(cacheDir);
    const before = await treeOf(shared);
    const own = await Deno.realPath(cacheDir);
    const everything = new Set([own, shared]);
    for (
      const removed of [everything, [shared], [`${shared}/runtime`], [`${shared}/seccomp.bpf`]]
    ) {
      const pids = await treePids(cacheDir);
      assert.ok(pids.length > 0);
      for (const path of removed) await Deno.remove(path, { recursive: true });
      // The zygote may have lost the socket of the server.
      for (let n = 0; n < 3; n++) {
        assert.deepEqual(await output(sandboxes, GOOD), { ok: 1 });
      }
      killAll(pids);
      await succeedsIn(sandboxes, "root", "single");
      await succeedsIn(sandboxes, "root");
      assert.deepEqual(await treeOf(shared), before);
    }
  },
  POOL,
);

// A server that is not root uses its own directory.
if (Deno.uid() === 0) {
  sandboxTest(
    "no process starts from a directory that another user has taken",
    async (sandboxes, _context, _mode, cacheDir) => {
      await succeedsIn(sandboxes, "root");
      const shared = await sharedDirOf(cacheDir);
      assert.notEqual(shared, await Deno.realPath(cacheDir));
      await Deno.chown(shared, 65534, 65534);
      killAll(await treePids(cacheDir));
      const error = await eventually(async () => {
        await run(sandboxes, GOOD, { waitMs: 0 }).catch(() => {});
        return sandboxes.error;
      }, "an error of the sandboxes");
      assert.match(
        error,
        /^the server cannot start processes for functions: another user may write to the directory/,
      );
      const waiting = output(sandboxes, GOOD);
      await Deno.chown(shared, 0, 0);
      assert.deepEqual(await waiting, { ok: 1 });
      assert.equal(sandboxes.error, undefined);
      await succeedsIn(sandboxes, "root");
    },
    POOL,
  );
}
