import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { Cgroups } from "../../src/isolation/mod.ts";
import { LIMITS, poolOf, poolPids, run, sandboxTest, STANDING } from "./harness.ts";

/** Limit of processor time that tells the processes of these tests from all others. */
const MARK_MS = 113_000;
const HANG =
  `function main() { console.log("up"); return new Promise(() => setInterval(() => {}, 9)); }`;

async function lines(command: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** Whether this machine lets the tests make cgroups, found out by another way than the server's. */
const CAN_MAKE = (await lines(
  "sh",
  "-c",
  "mkdir /sys/fs/cgroup/memory/invoked-test && rmdir /sys/fs/cgroup/memory/invoked-test && echo yes",
))[0] === "yes";

if (CAN_MAKE) {
  sandboxTest("every process is in memory and pids groups of its own", async (sandboxes) => {
    assert.match(sandboxes.walls, /, memory and pids cgroups$/);
    const stop = new AbortController();
    const { promise: up, resolve } = Promise.withResolvers<void>();
    const ended = run(sandboxes, HANG, { signal: stop.signal, onLog: () => resolve() });
    await up;
    const groups = new Map<string, Set<string>>();
    for (const pid of await poolPids(MARK_MS)) {
      for (const line of await lines("cat", `/proc/${pid}/cgroup`)) {
        const [, controller = "", path = ""] = /^\d+:(memory|pids):(.*)$/.exec(line) ?? [];
        if (controller === "") continue;
        assert.match(path, /\/invoked-[0-9a-f]{16}\/\d+$/);
        const directory = `/sys/fs/cgroup/${controller}${path}`;
        groups.set(directory, (groups.get(directory) ?? new Set()).add(`${pid}`));
        const [limit = ""] = controller === "memory"
          ? await lines("cat", `${directory}/memory.limit_in_bytes`)
          : await lines("cat", `${directory}/pids.max`);
        assert.ok(Number(limit) > 0 && Number(limit) < 2 ** 40, `${controller}: ${limit}`);
      }
    }
    // The one that runs and one that waits at the least, each with two groups.
    assert.ok(groups.size >= 4, [...groups.keys()].join());
    stop.abort("CANCELLED");
    await ended;
  }, { cpuTimeMs: MARK_MS });

  Deno.test("no group is left when the sandboxes are gone, and one process at a time has one", async () => {
    const cacheDir = await Deno.makeTempDir();
    const before = await lines("sh", "-c", "ls -d /sys/fs/cgroup/*/invoked-*");
    {
      await using sandboxes = poolOf(STANDING[0] ?? "process", cacheDir, { ...LIMITS });
      await sandboxes.start();
      await Promise.all(
        Array.from({ length: 24 }, () => run(sandboxes, "const main = () => ({});")),
      );
    }
    const others = new Set(before);
    await eventually(async () => {
      const now = await lines("sh", "-c", "ls -d /sys/fs/cgroup/*/invoked-*");
      // Other tests have theirs, which come and go.
      const own = now.filter((path) => !others.has(path));
      return own.length === 0 || undefined;
    }, "the end of the groups");
    await Deno.remove(cacheDir, { recursive: true });
  });
}

Deno.test("where no group can be made there is none, and that is no failure", async () => {
  assert.equal(await Cgroups.open("/bin/false", "invoked-0000000000000000", 1), undefined);
});
