/**
 * What the server writes to cgroups of versions 1 and 2, on a directory that imitates the kernel's. Few machines have
 * both versions; `cgroups_test.ts` uses the real ones of this machine.
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { Cgroups } from "../../src/isolation/mod.ts";
import {
  type CgroupTree,
  makeCgroups,
  openDirectories,
  removeDirectories,
} from "../../src/isolation/cgroup_tree.ts";

const SH = "/bin/sh";
const ID = "01234567";
const NAMESPACE = Deno.readLinkSync("/proc/self/ns/pid").replace(/\D/g, "");
/** Start time of this process, which opens the directories; see `man 5 proc_pid_stat`. */
const STARTED = Deno.readTextFileSync("/proc/self/stat").split(") ")[1]?.split(" ")[19];
const NAME = `invoked-${ID}-${NAMESPACE}-${Deno.pid}-${STARTED}`;
const LIMITS = { memoryMaxBytes: 300_000_000, pidsMax: 256 };

/**
 * mkdir as the kernel runs it: a new cgroup has interface files. In version 2 it has those of the controllers that its
 * parent enables. `locked` in a directory makes mkdir fail; `busy` makes the enabling of controllers fail, and `delegated` does until the
 * directory itself enables them.
 */
const MKDIR = `#!/bin/sh
[ "$1" = -p ] && shift
for group; do
  [ -d "$group" ] && continue
  parent=$(/usr/bin/dirname "$group")
  [ -d "$parent" ] && [ ! -e "$parent/locked" ] || exit 1
  /bin/mkdir "$group" || exit 1
  : >"$group/cgroup.procs"
  case "$group" in
    ROOT/memory/*) echo max >"$group/memory.limit_in_bytes" ;;
    ROOT/pids/*) echo max >"$group/pids.max" ;;
    *)
      if [ -e "$parent/busy" ] || [ -e "$parent/delegated" ] && ! grep -qs memory "$parent/cgroup.subtree_control"; then /bin/mkdir "$group/cgroup.subtree_control"
      else : >"$group/cgroup.subtree_control"; fi
      for controller in memory pids; do
        grep -qs "+$controller" "$parent/cgroup.subtree_control" &&
          echo max >"$group/$controller.max"
      done ;;
  esac
done
exit 0
`;

/** rmdir as the kernel runs it: interface files do not keep a cgroup, children and processes do. */
const RMDIR = `#!/bin/sh
status=0
for directory; do
  for child in "$directory"/*/; do
    [ -d "$child" ] && [ "$(/usr/bin/basename "$child")" != cgroup.subtree_control ] && status=1 && continue 2
  done
  /bin/rm -r "$directory" || status=1
done
exit $status
`;

interface FakeTree extends CgroupTree, AsyncDisposable {
  /** The path in the tree. */
  at(path: string): string;
  /** The trimmed text of a file. */
  read(path: string): Promise<string>;
}

/** A tree with these directories; those that end with `!locked` or `!busy` get that file. */
async function fakeTree(own: string, directories: readonly string[]): Promise<FakeTree> {
  const base = await Deno.makeTempDir();
  const at = (path: string) => join(base, "cgroup", path);
  for (const entry of directories) {
    const [path = "", mark] = entry.split("!");
    await Deno.mkdir(at(path), { recursive: true });
    if (mark !== undefined) await Deno.writeTextFile(join(at(path), mark), "");
    // It cannot be written.
    if (mark === "busy") await Deno.symlink("/dev/null/x", at(`${path}/cgroup.subtree_control`));
  }
  const programs = join(base, "programs");
  await Deno.mkdir(programs);
  for (const [program, script] of Object.entries({ mkdir: MKDIR, rmdir: RMDIR })) {
    const text = script.replaceAll("ROOT", at("").replace(/\/$/, ""));
    await Deno.writeTextFile(join(programs, program), text, { mode: 0o755 });
  }
  const ownFile = join(base, "own");
  await Deno.writeTextFile(ownFile, own);
  return {
    root: at("").replace(/\/$/, ""),
    ownFile,
    programPath: `${programs}:/usr/bin:/bin`,
    isRoot: false,
    at,
    read: async (path) => (await Deno.readTextFile(at(path))).trim(),
    [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }),
  };
}

async function version2(own: string, directories: readonly string[]): Promise<FakeTree> {
  const tree = await fakeTree(`0::${own}\n`, directories);
  await Deno.writeTextFile(tree.at("cgroup.controllers"), "cpu memory pids\n");
  return tree;
}

const VERSION_1_OWN = "9:pids:/docker/1a\n5:cpuacct,memory:/docker/1a\n1:name=systemd:/docker/1a\n";

async function namesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) names.push(name);
  }
  return names.sort();
}

Deno.test("version 2: a directory beside the server's group enables both controllers", async () => {
  await using tree = await version2("/system.slice/invoked.service", [
    "system.slice/invoked.service",
  ]);
  const directories = await openDirectories(SH, tree, ID);
  const directory = `system.slice/${NAME}`;
  assert.deepEqual(directories, [tree.at(directory)]);
  assert.equal(await tree.read(`${directory}/cgroup.subtree_control`), "+memory +pids");
});

Deno.test("version 2: a directory below the server's group is second choice", async (context) => {
  const own = "/user.slice/session";
  const marks = { locked: "cannot be created", busy: "cannot enable controllers" };
  for (const [mark, reason] of Object.entries(marks)) {
    await context.step(`if one beside it ${reason}`, async () => {
      await using tree = await version2(own, [`user.slice!${mark}`, "user.slice/session"]);
      const directories = await openDirectories(SH, tree, ID);
      assert.deepEqual(directories, [tree.at(`user.slice/session/${NAME}`)]);
      assert.deepEqual(await namesIn(tree.at("user.slice")), ["session"]);
    });
    await context.step(`and nothing is left if neither works: ${mark}`, async () => {
      await using tree = await version2(own, [
        `user.slice!${mark}`,
        `user.slice/session!${mark}`,
      ]);
      assert.equal(await openDirectories(SH, tree, ID), undefined);
      assert.deepEqual(await namesIn(tree.at("user.slice")), ["session"]);
      assert.deepEqual(await namesIn(tree.at("user.slice/session")), []);
    });
  }
});

Deno.test("version 2: in a delegated group the server enables both controllers, unless it is root", async () => {
  const group = "system.slice/invoked.service";
  const own = `/${group}/server`;
  for (const isRoot of [false, true]) {
    await using tree = await version2(own, [`${group}!delegated`, `${group}/server!locked`]);
    const directories = await openDirectories(SH, { ...tree, isRoot }, ID);
    assert.deepEqual(directories, isRoot ? undefined : [tree.at(`${group}/${NAME}`)]);
    if (!isRoot) assert.equal(await tree.read(`${group}/cgroup.subtree_control`), "+memory +pids");
    assert.deepEqual(await namesIn(tree.at(group)), isRoot ? ["server"] : [NAME, "server"]);
  }
});

Deno.test("version 2: a server in the root group gets a directory in the root", async () => {
  await using tree = await version2("/", ["."]);
  const [directory = "", ...others] = await openDirectories(SH, tree, ID) ?? [];
  assert.deepEqual(others, []);
  assert.equal(join(directory), tree.at(NAME));
});

Deno.test("version 2: each cgroup gets memory.max and pids.max, and all are removed", async () => {
  await using tree = await version2("/a/b", ["a/b"]);
  const directories = await openDirectories(SH, tree, ID) ?? [];
  await makeCgroups(SH, tree, directories, LIMITS, { from: 3, to: 4 });
  assert.deepEqual(await namesIn(tree.at(`a/${NAME}`)), ["3", "4"]);
  for (const number of [3, 4]) {
    assert.equal(await tree.read(`a/${NAME}/${number}/memory.max`), "300000000");
    assert.equal(await tree.read(`a/${NAME}/${number}/pids.max`), "256");
  }
  await removeDirectories(SH, tree, directories);
  assert.deepEqual(await namesIn(tree.at("a")), ["b"]);
});

Deno.test("version 1: a directory for memory and one for pids, below the server's groups", async () => {
  await using tree = await fakeTree(VERSION_1_OWN, ["memory/docker/1a", "pids/docker/1a"]);
  const directories = await openDirectories(SH, tree, ID);
  const [memory, pids] = [`memory/docker/1a/${NAME}`, `pids/docker/1a/${NAME}`];
  assert.deepEqual(directories, [tree.at(memory), tree.at(pids)]);
  await makeCgroups(SH, tree, directories ?? [], LIMITS, { from: 1, to: 2 });
  for (const number of [1, 2]) {
    assert.equal(await tree.read(`${memory}/${number}/memory.limit_in_bytes`), "300000000");
    assert.equal(await tree.read(`${pids}/${number}/pids.max`), "256");
  }
  await removeDirectories(SH, tree, directories ?? []);
  assert.deepEqual(await namesIn(tree.at("memory/docker/1a")), []);
  assert.deepEqual(await namesIn(tree.at("pids/docker/1a")), []);
});

Deno.test("directories of servers that have ended are removed", async () => {
  const own = `invoked-1-${NAMESPACE}-${Deno.pid}`;
  const kept = [`${own}-${STARTED}`, "invoked-1-1-999999999-1", "invoked"];
  const ended = [`${own}-1`, `invoked-1-${NAMESPACE}-999999999-1`];
  const all = [...kept, ...ended].map((name) => `${name}/1`);
  await using version1 = await fakeTree(
    VERSION_1_OWN,
    ["memory", "pids"].flatMap((controller) => all.map((path) => `${controller}/${path}`)),
  );
  await openDirectories(SH, version1, ID);
  await using version2Tree = await version2("/a/b", ["a/b", ...all.map((path) => `a/${path}`)]);
  await openDirectories(SH, version2Tree, ID);
  for (const directory of [version1.at("memory"), version1.at("pids")]) {
    assert.deepEqual(await namesIn(directory), [...kept, NAME].sort());
  }
  assert.deepEqual(await namesIn(version2Tree.at("a")), [...kept, NAME, "b"].sort());
});

Deno.test("version 1: directories at the top if the server's groups are not visible", async () => {
  await using tree = await fakeTree(VERSION_1_OWN, ["memory", "pids"]);
  const directories = await openDirectories(SH, tree, ID);
  assert.deepEqual(directories, [tree.at(`memory/${NAME}`), tree.at(`pids/${NAME}`)]);
});

Deno.test("version 1: nothing is left if only one controller allows a directory", async () => {
  await using tree = await fakeTree(VERSION_1_OWN, ["memory", "pids!locked"]);
  assert.equal(await openDirectories(SH, tree, ID), undefined);
  assert.deepEqual(await namesIn(tree.at("memory")), []);
});

Deno.test("cgroups are used by one process at a time and created in batches", async () => {
  // The file names the cgroup that a process that joined would be in.
  await using tree = await version2(`/a/${NAME}/1`, [`a/${NAME}/1`]);
  const cgroups = await Cgroups.open(SH, LIMITS.memoryMaxBytes, tree, ID);
  assert.ok(cgroups !== undefined);
  const taken = await Promise.all(Array.from({ length: 20 }, () => cgroups.take()));
  const files = taken.flatMap((cgroup) => cgroup.files);
  assert.equal(new Set(files).size, 20);
  const directory = join(tree.at(`a/${NAME}`), NAME);
  assert.ok(files.every((file) => dirname(dirname(file)) === directory && file.endsWith(".procs")));
  assert.equal((await namesIn(directory)).length, 32);
  taken[0]?.[Symbol.dispose]();
  const next = await Promise.all(Array.from({ length: 13 }, () => cgroups.take()));
  assert.ok(next.some((cgroup) => cgroup.files[0] === taken[0]?.files[0]));
  await cgroups[Symbol.asyncDispose]();
  assert.deepEqual(await namesIn(tree.at(`a/${NAME}`)), ["1"]);
});

Deno.test("cgroups that processes cannot join are not used and leave nothing", async () => {
  await using tree = await version2("/a/b", ["a/b"]);
  assert.equal(await Cgroups.open(SH, LIMITS.memoryMaxBytes, tree, ID), undefined);
  assert.deepEqual(await namesIn(tree.at("a")), ["b"]);
});
