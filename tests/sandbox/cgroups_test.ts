import assert from "node:assert/strict";
import { dirname } from "node:path";
import { eventually } from "../support/eventually.ts";
import { type Cgroup, Cgroups } from "../../src/isolation/mod.ts";
import { HAS_CGROUPS } from "../support/machine.ts";
import {
  AVAILABLE_MODES,
  makeCacheDir,
  MIB,
  poolOf,
  poolPids,
  run,
  sandboxTest,
  started,
} from "./harness.ts";

/** Limits of processor time that identify the processes of these tests. */
const MARK_MS = 113_000;
const DISPOSED_MARK_MS = 115_000;
const SANDBOX_CGROUP = /^\d+:(memory|pids):(.*\/invoked-[^/]+\/\d+)$/;
const HANG =
  `function main() { console.log("up"); return new Promise(() => setInterval(() => {}, 9)); }`;

async function lines(command: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/**
 * Directories of the sandbox cgroups of all processes with this limit of processor time.
 * A process that is still starting can be outside of them.
 */
async function cgroupsOf(cpuTimeMs: number): Promise<Set<string>> {
  const directories = new Set<string>();
  for (const pid of poolPids(cpuTimeMs)) {
    for (const line of await lines("cat", `/proc/${pid}/cgroup`)) {
      const [, controller, path] = SANDBOX_CGROUP.exec(line) ?? [];
      if (controller !== undefined) directories.add(`/sys/fs/cgroup/${controller}${path}`);
    }
  }
  return directories;
}

if (HAS_CGROUPS) {
  sandboxTest("every instance is in memory and pids cgroups of its own", async (sandboxes) => {
    assert.match(sandboxes.walls, /, memory and pids cgroups$/);
    const stop = new AbortController();
    const { ended } = await started(sandboxes, HANG, { signal: stop.signal });
    // At least one instance runs and one waits, each in two cgroups.
    const directories = await eventually(async () => {
      const found = await cgroupsOf(MARK_MS);
      return found.size >= 4 ? found : undefined;
    }, "four cgroups");
    for (const directory of directories) {
      const file = directory.startsWith("/sys/fs/cgroup/memory/")
        ? "memory.limit_in_bytes"
        : "pids.max";
      const [limit = ""] = await lines("cat", `${directory}/${file}`);
      assert.ok(Number(limit) > 0 && Number(limit) < 2 ** 40, `${directory}/${file}: ${limit}`);
    }
    stop.abort("CANCELLED");
    await ended;
  }, { cpuTimeMs: MARK_MS });

  Deno.test("cgroups that were removed are made anew, with their limits", async () => {
    await using cgroups = await Cgroups.open("/bin/sh", 256 * MIB);
    const removed = await cgroups?.take();
    assert.ok(cgroups !== undefined && removed !== undefined);
    const parents = removed.files.map((file) => dirname(dirname(file)));
    await lines("find", ...parents, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";");
    for (const file of removed.files) assert.deepEqual(await lines("ls", file), []);
    removed.discard();
    removed[Symbol.dispose]();
    using made = await cgroups.take();
    for (const file of made.files) assert.deepEqual(await lines("ls", file), [file]);
    const [procs = ""] = made.files;
    const files = ["memory.max", "memory.limit_in_bytes"].map((name) =>
      `${dirname(procs)}/${name}`
    );
    assert.deepEqual(await lines("cat", ...files), [`${256 * MIB}`]);
  });

  Deno.test("a cgroup has another limit of memory until it is given back", async () => {
    await using cgroups = await Cgroups.open("/bin/sh", 256 * MIB);
    assert.ok(cgroups !== undefined);
    const limitOf = async (procs: string) => {
      const files = ["memory.max", "memory.limit_in_bytes"].map((name) =>
        `${dirname(procs)}/${name}`
      );
      return Number((await lines("cat", ...files))[0]);
    };
    const changed: string[] = [];
    // Of all groups of a batch, so that the next one to be taken is one of them.
    for (let n = 0; n < 16; n++) {
      using cgroup: Cgroup = await cgroups.take();
      const procs: string = cgroup.files[0] ?? "";
      assert.equal(await limitOf(procs), 256 * MIB);
      await cgroup.limitMemory(64 * MIB);
      assert.equal(await limitOf(procs), 64 * MIB);
      changed.push(procs);
    }
    const again = await cgroups.take();
    assert.ok(changed.includes(again.files[0] ?? ""));
    assert.equal(await limitOf(again.files[0] ?? ""), 256 * MIB);
    await assert.rejects(again.limitMemory(-2), /Failed to set the memory limit of .* to -2/);
    again[Symbol.dispose]();
  });

  Deno.test("disposal of the sandboxes removes all cgroups", async () => {
    const cacheDir = await makeCacheDir();
    const parents = new Set<string>();
    {
      const limits = { cpuTimeMs: DISPOSED_MARK_MS };
      await using sandboxes = poolOf(AVAILABLE_MODES[0] ?? "process", cacheDir, limits);
      await sandboxes.start();
      await Promise.all(
        Array.from({ length: 24 }, () => run(sandboxes, "const main = () => ({});")),
      );
      await eventually(async () => {
        for (const directory of await cgroupsOf(DISPOSED_MARK_MS)) parents.add(dirname(directory));
        return parents.size === 2 || undefined;
      }, "a waiting instance in two cgroups");
    }
    for (const parent of parents) assert.deepEqual(await lines("ls", "-d", parent), []);
    await Deno.remove(cacheDir, { recursive: true });
  });
}

Deno.test("a server that cannot create cgroups runs without them", async () => {
  assert.equal(await Cgroups.open("/bin/false", 1), undefined);
});
