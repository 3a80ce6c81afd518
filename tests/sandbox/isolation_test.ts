import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { assertDieFirst } from "../support/processes.ts";
import { createSandboxes } from "../../src/sandbox/mod.ts";
import { bubblewrapCandidates } from "../../src/isolation/bubblewrap.ts";
import { landlockCandidates } from "../../src/isolation/landlock.ts";
import { findProgram } from "../../src/isolation/machine.ts";
import { processCandidates } from "../../src/isolation/process_mode.ts";
import { openImage } from "../../src/sandbox/image/image.ts";
import { loaderNamedIn } from "../../src/isolation/libraries.ts";
import {
  AVAILABLE_MODES,
  EGRESS,
  failure,
  LIMITS,
  makeCacheDir,
  poolOf,
  poolPids,
  REUSE,
  run,
  type Sandboxes,
  sandboxSuite,
  sandboxTest,
  SEARCH_PATH,
  started,
  treePids,
} from "./harness.ts";

/** Limit of processor time that identifies the processes of these tests. */
const MARK_MS = 109_000;
const SPIN = `function main() { console.log("up"); for (;;); }`;
/** Processor time that only a function that spins uses. */
const SPINNING_TICKS = 30;

const step = sandboxSuite("isolation", { cpuTimeMs: MARK_MS });

/** Inspects the process of a function, not a wrapper. */
async function whileItRuns(
  sandboxes: Sandboxes,
  look: (pid: number) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const { ended } = await started(sandboxes, SPIN, { signal: stop.signal });
  // Instances that settle or wait have the same limits, and use less processor time.
  const pid = await eventually(async () => {
    for (const pid of poolPids(MARK_MS)) {
      if (await cpuTicksOf(pid) >= SPINNING_TICKS) return pid;
    }
  }, "the process that spins");
  try {
    await look(pid);
  } finally {
    stop.abort("CANCELLED");
    await ended;
  }
}

/** Processor time of a process in hundredths of a second; 0 for one that has ended. */
async function cpuTicksOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  // After the name, which may contain spaces.
  const [user = 0, system = 0] = stat.split(") ")[1]?.split(" ").slice(11, 13).map(Number) ?? [];
  return user + system;
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

step("/proc shows the isolation", async (sandboxes, _context, mode, cacheDir) => {
  await whileItRuns(sandboxes, async (pid) => {
    const tree = await treePids(cacheDir);
    assert.ok(tree.includes(pid), "it is one of the forks");
    await assertDieFirst(tree);
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
    assert.match(limits, /Max cpu time\s+109 /);
    assert.match(limits, /Max data size\s+\d+ /);
    const environment = await Deno.readTextFile(`/proc/${pid}/environ`);
    const variables = environment.split("\0").filter((line) => line !== "")
      .map((line) => line.split("=")[0]).sort();
    const own = [
      "DENO_DIR",
      "DENO_NO_UPDATE_CHECK",
      "GLIBC_TUNABLES",
      "NO_COLOR",
      "TZ",
    ];
    assert.deepEqual(variables.filter((name) => name !== "PWD"), own, mode);
  });
});

step(
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
      assert.deepEqual(await names(`${root}/dev`), ["null"]);
      const top = await names(root);
      for (const absent of ["proc", "home", "root", "bin", "sbin", "opt", "sys", "boot"]) {
        assert.ok(!top.includes(absent), `${absent} of ${top}`);
      }
      // The files of the runtime are below it.
      if (top.includes("var")) {
        assert.deepEqual(await names(`${root}/var`), ["cache"]);
        assert.deepEqual(await names(`${root}/var/cache`), ["invoked"]);
        assert.equal((await names(`${root}/var/cache/invoked`)).length, 1);
      }
      const mounts = await Deno.readTextFile(`/proc/${pid}/mountinfo`);
      const writable = mounts.trim().split("\n").map((line) => line.split(" "))
        .filter((fields) => !/(^|,)ro(,|$)/.test(fields[5] ?? "")).map((fields) => fields[4] ?? "");
      assert.deepEqual(writable, ["/dev/null"]);
      const routes = await Deno.readTextFile(`/proc/${pid}/net/route`);
      assert.equal(routes.trim().split("\n").length, 1, "the heading alone");
      const devices = await Deno.readTextFile(`/proc/${pid}/net/dev`);
      assert.deepEqual(devices.match(/^\s*\w+:/gm)?.map((name) => name.trim()), ["lo:"]);
    });
  },
  ["bubblewrap"],
);

sandboxTest("the limit of processor time is in its error", async (sandboxes) => {
  assert.equal(
    await failure(sandboxes, "function main() { for (;;); }"),
    "CPU_LIMIT: the function used up its limit of 1 s of processor time (--cpu-time)",
  );
}, { cpuTimeMs: 1000 });

function linuxTest(name: string, body: () => Promise<void>): void {
  if (Deno.build.os === "linux") Deno.test(name, body);
}

Deno.test("a mode that is not available fails the start with its reason", async () => {
  const cacheDir = await makeCacheDir();
  for (const isolation of ["bubblewrap", "landlock"] as const) {
    await using sandboxes = createSandboxes(LIMITS, {
      egress: EGRESS,
      reuse: REUSE,
      cacheDir,
      isolation,
      searchPath: "/nowhere",
    });
    await assert.rejects(sandboxes.start(), {
      name: "IsolationError",
      message: new RegExp(
        `^no isolation for functions is available: ${isolation}: .* was not found`,
      ),
    });
  }
  // An installed bubblewrap that fails counts as not available.
  await Deno.writeTextFile(
    `${cacheDir}/bwrap`,
    "#!/bin/sh\necho no namespaces here >&2; exit 1\n",
    {
      mode: 0o755,
    },
  );
  const searchPath = `${cacheDir}:${SEARCH_PATH}`;
  await using strict = createSandboxes(LIMITS, {
    cacheDir,
    egress: EGRESS,
    reuse: REUSE,
    isolation: "bubblewrap",
    searchPath,
  });
  await assert.rejects(
    strict.start(),
    /no isolation for functions is available: bubblewrap: .*no namespaces here/,
  );
  await using automatic = createSandboxes(LIMITS, {
    cacheDir,
    egress: EGRESS,
    reuse: REUSE,
    isolation: "auto",
    searchPath,
  });
  await automatic.start();
  assert.doesNotMatch(automatic.walls, /^bubblewrap/);
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("a wrapper that runs its command without isolation is detected", async () => {
  const cacheDir = await makeCacheDir();
  const pass = `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n`;
  await Deno.writeTextFile(`${cacheDir}/bwrap`, pass, { mode: 0o755 });
  await Deno.writeTextFile(`${cacheDir}/setpriv`, pass, { mode: 0o755 });
  const searchPath = `${cacheDir}:${SEARCH_PATH}`;
  for (const isolation of ["bubblewrap", "landlock"] as const) {
    await using sandboxes = createSandboxes(LIMITS, {
      cacheDir,
      egress: EGRESS,
      reuse: REUSE,
      isolation,
      searchPath,
    });
    await assert.rejects(sandboxes.start(), { name: "IsolationError" });
  }
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("an isolated process can connect to its egress socket in every mode", async () => {
  const cacheDir = await Deno.makeTempDir();
  await using image = await openImage(cacheDir, SEARCH_PATH);
  const egressSocket = `${image.sharedDir}/out.sock`;
  const isolations = [bubblewrapCandidates, landlockCandidates, processCandidates]
    .map((candidates) => candidates(image.machine, image.profile)[0])
    .filter((first) =>
      first?.kind === "isolation" && AVAILABLE_MODES.includes(first.isolation.mode)
    )
    .map((first) => first?.kind === "isolation" ? first.isolation : undefined);
  for (const isolation of isolations) {
    assert.ok(isolation);
    const listener = Deno.listen({ transport: "unix", path: egressSocket });
    await Deno.chmod(egressSocket, 0o666);
    const path = JSON.stringify(isolation.egressPathInside(egressSocket));
    const code = `const c = await Deno.connect({ transport: "unix", path: ${path} });
      await c.write(new TextEncoder().encode("out"));`;
    const [program = "", ...args] = isolation.wrap(
      [
        image.machine.deno,
        "run",
        "--no-config",
        "-A",
        `data:application/javascript,${encodeURI(code)}`,
      ],
      { egressSocket },
    );
    const child = new Deno.Command(program, { args, clearEnv: true, env: { ...isolation.env } });
    const accepted = listener.accept();
    accepted.catch(() => {});
    const { success, stderr } = await child.output();
    if (!success) listener.close();
    assert.ok(success, `${isolation.mode}: ${new TextDecoder().decode(stderr)}`);
    const connection = await accepted;
    const bytes = new Uint8Array(3);
    await connection.read(bytes);
    assert.equal(new TextDecoder().decode(bytes), "out", isolation.mode);
    connection.close();
    listener.close();
    await Deno.remove(egressSocket).catch(() => {});
  }
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("the loader is read from the header of the program", async () => {
  const head = (await Deno.readFile(Deno.execPath())).subarray(0, 65_536);
  if (Deno.build.os === "linux") assert.match(loaderNamedIn(head) ?? "", /^\/lib.*ld-linux/);
  assert.equal(loaderNamedIn(new TextEncoder().encode("#!/bin/sh\n".repeat(9))), undefined);
  assert.equal(loaderNamedIn(new Uint8Array(3)), undefined);
});

linuxTest("a process without isolation dies before the server as well", async () => {
  const cacheDir = await makeCacheDir();
  const programs = await Deno.makeTempDir();
  await Deno.symlink(await findProgram("sh", SEARCH_PATH) ?? "", `${programs}/sh`);
  {
    const limits = { cpuTimeMs: MARK_MS };
    await using sandboxes = poolOf("process", cacheDir, limits, { searchPath: programs });
    await sandboxes.start();
    assert.match(sandboxes.walls, /ONLY; without setpriv/);
    const stop = new AbortController();
    const { ended } = await started(sandboxes, SPIN, { signal: stop.signal });
    await assertDieFirst(await treePids(cacheDir));
    stop.abort("CANCELLED");
    await ended;
  }
  for (const directory of [cacheDir, programs]) await Deno.remove(directory, { recursive: true });
});

/** Flags with which forks start and do not all that a process can. */
const UNABLE_TO_FORK: Readonly<Record<string, RegExp>> = {
  "--seed=1": /^forks repeat random numbers$/,
  "--v8-flags=--jitless": /^UNCAUGHT: ReferenceError: WebAssembly is not defined/,
};

for (const [flag, error] of Object.entries(UNABLE_TO_FORK)) {
  if (!AVAILABLE_MODES.includes("process") || Deno.build.os !== "linux") continue;
  Deno.test(`no invocation is forked by an engine with ${flag}`, async () => {
    const cacheDir = await makeCacheDir();
    const real = await findProgram("setsid", SEARCH_PATH);
    const insert = `for argument; do shift; set -- "$@" "$argument";
      if [ "$argument" = run ]; then set -- "$@" ${flag}; fi; done; exec ${real} "$@"\n`;
    await Deno.writeTextFile(`${cacheDir}/setsid`, `#!/bin/sh\n${insert}`, { mode: 0o755 });
    {
      const searchPath = `${cacheDir}:${SEARCH_PATH}`;
      await using sandboxes = poolOf("process", cacheDir, {}, { searchPath });
      await sandboxes.start();
      assert.match(sandboxes.forkError ?? "", error);
      const { process } = await run(sandboxes, "const main = () => ({});");
      assert.equal(process, "single");
    }
    await Deno.remove(cacheDir, { recursive: true });
  });
}
