import assert from "node:assert/strict";
import { createSandboxes } from "../../src/sandbox/mod.ts";
import { loaderNamedIn } from "../../src/sandbox/isolation/libraries.ts";
import {
  failure,
  LIMITS,
  MIB,
  poolPids,
  type Sandboxes,
  sandboxTest,
  SEARCH_PATH,
} from "./harness.ts";

/** A heap limit that tells the processes of these tests from all others. */
const MARK_BYTES = 109 * MIB;

/** Looks at the process of a function that runs. */
async function whileItRuns(
  sandboxes: Sandboxes,
  look: (pid: number) => Promise<void>,
): Promise<void> {
  const { promise: up, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const told = failure(sandboxes, "function main() { console.log('up'); for (;;); }", {
    signal: stop.signal,
    onLog: () => resolve(),
  });
  await up;
  const pids = await poolPids(MARK_BYTES);
  const times = await Promise.all(pids.map(cpuTicks));
  const pid = pids[times.indexOf(Math.max(...times))];
  assert.ok(pid !== undefined);
  try {
    await look(pid);
  } finally {
    stop.abort("CANCELLED");
    await told;
  }
}

/** User time of a process: the one that spins has the most. */
async function cpuTicks(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return Number(stat.split(") ")[1]?.split(" ")[11] ?? -1);
}

async function statusOf(pid: number): Promise<Record<string, string>> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Object.fromEntries(
    status.trim().split("\n").map((line) => {
      const [name = "", value = ""] = line.split(":\t");
      return [name, value.trim()];
    }),
  );
}

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory), ({ name }) => name)).sort();
}

sandboxTest("the kernel says that the walls stand", async (sandboxes, _context, mode) => {
  await whileItRuns(sandboxes, async (pid) => {
    const status = await statusOf(pid);
    assert.equal(status.NoNewPrivs, "1");
    assert.equal(status.Seccomp, "2");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      assert.match(status[set] ?? "", /^0+$/);
    }
    if (Deno.uid() === 0) {
      assert.deepEqual(status.Uid?.split("\t"), Array(4).fill("65534"));
      assert.deepEqual(status.Gid?.split("\t"), Array(4).fill("65534"));
      assert.equal(status.Groups, "");
      assert.match(status.CapBnd ?? "", /^0+$/);
    }
    const limits = await Deno.readTextFile(`/proc/${pid}/limits`);
    assert.match(limits, /Max core file size\s+0 /);
    assert.match(limits, /Max file size\s+0 /);
    assert.match(limits, /Max open files\s+256 /);
    assert.match(limits, /Max cpu time\s+10 /);
    assert.match(limits, /Max data size\s+\d+ /);
    const environment = await Deno.readTextFile(`/proc/${pid}/environ`);
    const variables = environment.split("\0").filter((line) => line !== "")
      .map((line) => line.split("=")[0]).sort();
    const own = ["DENO_DIR", "NO_COLOR", "TZ"];
    assert.deepEqual(variables.filter((name) => name !== "PWD"), own, mode);
  });
}, { memoryBytes: MARK_BYTES });

sandboxTest(
  "the function has a machine of its own",
  async (sandboxes) => {
    await whileItRuns(sandboxes, async (pid) => {
      for (const kind of ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]) {
        assert.notEqual(
          await Deno.readLink(`/proc/${pid}/ns/${kind}`),
          await Deno.readLink(`/proc/self/ns/${kind}`),
          kind,
        );
      }
      const root = `/proc/${pid}/root`;
      assert.deepEqual((await names(`${root}/proc`)).filter((name) => /^\d+$/.test(name)), ["1"]);
      const top = await names(root);
      for (const absent of ["home", "root", "var", "bin", "sbin", "opt", "sys", "boot"]) {
        assert.ok(!top.includes(absent), `${absent} of ${top}`);
      }
      const mounts = await Deno.readTextFile(`/proc/${pid}/mountinfo`);
      const writable = mounts.trim().split("\n").map((line) => line.split(" "))
        .filter((fields) => !/(^|,)ro(,|$)/.test(fields[5] ?? "")).map((fields) => fields[4] ?? "");
      assert.deepEqual(writable.filter((path) => !/^\/(dev\/|proc$)/.test(path)), []);
      const routes = await Deno.readTextFile(`/proc/${pid}/net/route`);
      assert.equal(routes.trim().split("\n").length, 1, "the heading alone");
      const devices = await Deno.readTextFile(`/proc/${pid}/net/dev`);
      assert.deepEqual(devices.match(/^\s*\w+:/gm)?.map((name) => name.trim()), ["lo:"]);
    });
  },
  { memoryBytes: MARK_BYTES },
  ["bubblewrap"],
);

sandboxTest("processor time has a limit that names itself", async (sandboxes) => {
  assert.equal(
    await failure(sandboxes, "function main() { for (;;); }"),
    "CPU_LIMIT: the function used up its limit of 1 s of processor time (--cpu-time)",
  );
}, { cpuTimeMs: 1000 });

Deno.test("a mode that cannot stand stops the start with its reason", async () => {
  const cacheDir = await Deno.makeTempDir();
  for (const isolation of ["bubblewrap", "landlock"] as const) {
    await using sandboxes = createSandboxes(LIMITS, {
      cacheDir,
      isolation,
      searchPath: "/nowhere",
    });
    await assert.rejects(sandboxes.start(), {
      name: "IsolationError",
      message: new RegExp(`^Cannot isolate functions with ${isolation}: .* was not found`),
    });
  }
  // A bubblewrap that is there and fails is no bubblewrap.
  await Deno.writeTextFile(
    `${cacheDir}/bwrap`,
    "#!/bin/sh\necho no namespaces here >&2; exit 1\n",
    {
      mode: 0o755,
    },
  );
  const searchPath = `${cacheDir}:${SEARCH_PATH}`;
  await using strict = createSandboxes(LIMITS, { cacheDir, isolation: "bubblewrap", searchPath });
  await assert.rejects(
    strict.start(),
    /Cannot isolate functions with bubblewrap: .*no namespaces here/,
  );
  await using automatic = createSandboxes(LIMITS, { cacheDir, isolation: "auto", searchPath });
  await automatic.start();
  assert.doesNotMatch(automatic.walls, /^bubblewrap/);
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("a wrapper that runs its command without walls is found out", async () => {
  if (Deno.build.os !== "linux") return;
  const cacheDir = await Deno.makeTempDir();
  const pass = `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n`;
  await Deno.writeTextFile(`${cacheDir}/bwrap`, pass, { mode: 0o755 });
  await Deno.writeTextFile(`${cacheDir}/setpriv`, pass, { mode: 0o755 });
  const searchPath = `${cacheDir}:${SEARCH_PATH}`;
  for (const isolation of ["bubblewrap", "landlock"] as const) {
    await using sandboxes = createSandboxes(LIMITS, { cacheDir, isolation, searchPath });
    await assert.rejects(sandboxes.start(), { name: "IsolationError" });
  }
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("the loader is read from the program's own header", async () => {
  const head = (await Deno.readFile(Deno.execPath())).subarray(0, 65_536);
  if (Deno.build.os === "linux") assert.match(loaderNamedIn(head) ?? "", /^\/lib.*ld-linux/);
  assert.equal(loaderNamedIn(new TextEncoder().encode("#!/bin/sh\n".repeat(9))), undefined);
  assert.equal(loaderNamedIn(new Uint8Array(3)), undefined);
});
