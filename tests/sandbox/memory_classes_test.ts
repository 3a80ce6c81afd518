/** Invocations of different memory run side by side: each class has a zygote, whose heap limit its forks have. */
import assert from "node:assert/strict";
import {
  memoryClasses,
  memoryClassOf,
  type ResourceLimits,
} from "../../src/sandbox/instance/process.ts";
import { PoolMemory } from "../../src/sandbox/tree/pool_memory.ts";
import { eventually } from "../support/eventually.ts";
import {
  AVAILABLE_MODES,
  failure,
  fromTemplate,
  makeCacheDir,
  MIB,
  output,
  poolOf,
  run,
  type RunOptions,
  type Sandboxes,
  sandboxSuite,
  scriptOf,
  started,
  treePids,
} from "./harness.ts";

/** Memory of an invocation in MiB that the limits of a server allow. */
const LIMITS = {
  memoryBytes: 128 * MIB,
  maxMemoryBytes: 512 * MIB,
  poolSize: 2,
  cpuTimeMs: 60_000,
  poolMemoryBytes: 1024 * MIB,
};
const LARGE = { memoryBytes: 512 * MIB };

/** Holds numbers on the heap. */
const HEAP = `const main = ({ mib }) => {
  const held = [];
  for (let n = 0; n < mib; n++) held.push(new Array(131_072).fill(n + 0.5));
  return { held: held.length };
};`;
/** Runs until it may end. */
const SLEEP = `const main = async ({ ms }) => {
  console.log("up");
  await new Promise((done) => setTimeout(done, ms));
  return { slept: 1 };
};`;
const OUT_OF_MEMORY =
  "OUT_OF_MEMORY: the function needed more memory than its limit of 128 MiB (--memory)";

/** Pause between two invocations that wait for a zygote. */
const ZYGOTE_PAUSE_MS = 500;

/** Runs invocations until one is forked. */
async function fork(sandboxes: Sandboxes, options: RunOptions = {}): Promise<void> {
  const body = `${HEAP}\n// ${options.memoryBytes}`;
  const outcome = await eventually(async () => {
    const ran = await run(sandboxes, body, { ...options, input: { mib: 1 } });
    if (ran.process === "root" || ran.process === "template") return ran.outcome;
    // A process of its own takes as much processor time as the zygote that starts meanwhile.
    await new Promise((resolve) => setTimeout(resolve, ZYGOTE_PAUSE_MS));
  }, "an invocation from a fork");
  assert.equal(outcome.kind, "success", JSON.stringify(outcome));
}

/** Starts an invocation that sleeps. Resolves once it runs, with its end. */
async function sleep(
  sandboxes: Sandboxes,
  ms: number,
  options: RunOptions = {},
): Promise<{ readonly ended: ReturnType<typeof run> }> {
  return await started(sandboxes, SLEEP, { ...options, input: { ms } });
}

/** Kills a zygote of the pool, and all that it has forked. */
async function killClass(cacheDir: string, mib: number): Promise<void> {
  for (const pid of await pidsOfHeap(cacheDir, mib)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // It has ended with the zygote.
      assert.ok(error instanceof Deno.errors.NotFound, String(error));
    }
  }
}

/** Ids of the processes of the pool whose V8 heap has this limit, the zygote and all that it forked. */
async function pidsOfHeap(cacheDir: string, mib: number): Promise<number[]> {
  const pids: number[] = [];
  for (const pid of await treePids(cacheDir)) {
    const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    if (command.includes(`--single-threaded`) && command.includes(`-space-size=${mib}\0`)) {
      pids.push(pid);
    }
  }
  return pids;
}

async function zygoteCount(sandboxes: Sandboxes): Promise<number | undefined> {
  return (await sandboxes.forks())?.root.count;
}

Deno.test("the memory classes are the default, powers of two above it, and the maximum", () => {
  const limitsOf = (memory: number) => ({ cpuTimeMs: 1000, memoryBytes: memory * MIB });
  const mibOf = (limits?: ResourceLimits) => limits && limits.memoryBytes / MIB;
  const classesOf = (memory: number, max?: number) =>
    memoryClasses({
      ...limitsOf(memory),
      ...max === undefined ? {} : { maxMemoryBytes: max * MIB },
    }).map(mibOf);
  assert.deepEqual(classesOf(128), [128]);
  assert.deepEqual(classesOf(128, 128), [128]);
  assert.deepEqual(classesOf(128, 1024), [128, 256, 512, 1024]);
  assert.deepEqual(classesOf(128, 768), [128, 256, 512, 768]);
  assert.deepEqual(classesOf(96, 192), [96, 128, 192]);
  assert.deepEqual(classesOf(300, 1024), [300, 512, 1024]);
  const classes = memoryClasses({ ...limitsOf(128), maxMemoryBytes: 512 * MIB });
  const classOf = (memory: number) => mibOf(memoryClassOf(limitsOf(memory), classes));
  assert.deepEqual([1, 128, 129, 512].map(classOf), [128, 128, 256, 512]);
  assert.equal(classOf(513), undefined);
  assert.equal(memoryClassOf({}, classes), classes[0]);
});

Deno.test("the script templates of all zygotes share one limit of memory", () => {
  const memory = new PoolMemory(100);
  const given: string[] = [];
  const holderOf = (name: string, usedMs: number, isKept: boolean) => ({
    makingBytes: 5,
    held: (exceptKey?: string) =>
      exceptKey === name
        ? []
        : [{ bytes: 20, usedMs, isKept, giveUp: () => void given.push(name) }],
  });
  const [first, second, third] = [
    holderOf("first", 2, false),
    holderOf("second", 1, false),
    holderOf("third", 0, true),
  ];
  memory.count(first);
  const counted = memory.count(second);
  memory.count(third);
  assert.equal(memory.left(first, "new", false), 100 - 3 * 25);
  assert.equal(memory.left(first, "first", false), 100 - 3 * 25 + 20);
  assert.equal(memory.left(first, "new", true), 100 - 3 * 5 - 20);
  for (const held of memory.givable(first, "new")) held.giveUp();
  assert.deepEqual(given, ["second", "first"]);
  assert.deepEqual(memory.givable(first, "first").map(({ isOwn }) => isOwn), [false]);
  counted[Symbol.dispose]();
  assert.equal(memory.left(first, "new", false), 100 - 2 * 25);
});

const step = sandboxSuite("memory classes", LIMITS);

step(
  "an invocation of 512 MiB has its heap, and one of 128 MiB keeps its limit",
  async (sandboxes, _context, _mode, cacheDir) => {
    await fork(sandboxes);
    assert.notDeepEqual(await pidsOfHeap(cacheDir, 128), []);
    assert.deepEqual(await pidsOfHeap(cacheDir, 512), []);
    assert.equal(await zygoteCount(sandboxes), 1);
    await fork(sandboxes, LARGE);
    assert.equal(await zygoteCount(sandboxes), 2);
    const ran = await run(sandboxes, HEAP, { input: { mib: 300 }, ...LARGE });
    assert.equal(ran.outcome.kind, "success", JSON.stringify(ran.outcome));
    assert.notEqual(ran.process, "single");
    const exceeded = await run(sandboxes, HEAP, { input: { mib: 160 } });
    assert.notEqual(exceeded.process, "single");
    const { outcome } = exceeded;
    assert.equal(outcome.kind === "error" && `${outcome.code}: ${outcome.message}`, OUT_OF_MEMORY);
    // Between the classes the limits of an invocation are its own.
    assert.match(
      await failure(sandboxes, HEAP, { input: { mib: 300 }, memoryBytes: 260 * MIB }),
      /^OUT_OF_MEMORY: .* of 260 MiB \(memoryMib of the function\)$/,
    );
    await fork(sandboxes, { memoryBytes: 64 * MIB });
    assert.equal(await zygoteCount(sandboxes), 2);
  },
);

step("templates and provisioned instances are forks of their class", async (sandboxes) => {
  const provisioned = `${HEAP}\n// provisioned`;
  sandboxes.provision([{
    key: provisioned,
    script: scriptOf(provisioned),
    count: 1,
    memoryBytes: 512 * MIB,
  }]);
  const large = await eventually(async () => {
    const ran = await run(sandboxes, provisioned, { ...LARGE, input: { mib: 160 } });
    return ran.process === "template" ? ran : undefined;
  }, "a provisioned instance");
  assert.equal(large.outcome.kind, "success", JSON.stringify(large.outcome));
  // As slow to evaluate as a script that gets a template, with a table beyond the memory of the default class.
  const slow = `
    const table = Array.from({ length: 160 }, (_, n) => new Array(131_072).fill(n + 0.5));
    const main = () => ({ length: table.length });`;
  const ran = await fromTemplate(sandboxes, slow, LARGE);
  assert.equal(ran.outcome.kind, "success", JSON.stringify(ran.outcome));
  assert.equal(await zygoteCount(sandboxes), 2);
});

step(
  "the end of a class's zygote ends no invocation of another, and the server stays available",
  async (sandboxes, _context, _mode, cacheDir) => {
    await fork(sandboxes, LARGE);
    const errors: unknown[] = [];
    sandboxes.onErrorChange(() => errors.push(sandboxes.error));
    const [small, large] = [await sleep(sandboxes, 2000), await sleep(sandboxes, 60_000, LARGE)];
    await killClass(cacheDir, 512);
    const ended = (await large.ended).outcome;
    assert.match(ended.kind === "error" ? ended.message : "", /^the (zygote|template|process) /);
    // Before the next zygote forks, such invocations start processes of their own.
    const next = await run(sandboxes, HEAP, { input: { mib: 160 }, ...LARGE });
    assert.equal(next.outcome.kind, "success", JSON.stringify(next.outcome));
    assert.equal((await small.ended).outcome.kind, "success");
    await fork(sandboxes, LARGE);
    assert.deepEqual(errors, []);
  },
);

/** Longer than an invocation in its own process on a busy machine; a class serves only these until its zygote forks. */
const CLASS_UNUSED_MS = 6_000;

for (const mode of AVAILABLE_MODES) {
  Deno.test(`${mode}: a zygote above the default class ends once invocations need it no more`, async () => {
    const cacheDir = await makeCacheDir();
    {
      await using sandboxes = poolOf(mode, cacheDir, LIMITS, { classUnusedMs: CLASS_UNUSED_MS });
      await sandboxes.start();
      await fork(sandboxes, LARGE);
      const { ended } = await sleep(sandboxes, 2 * CLASS_UNUSED_MS, LARGE);
      // The zygote forks nothing any more, but the running invocation ends on it.
      await eventually(async () => await zygoteCount(sandboxes) === 1 || undefined, "one zygote");
      assert.equal((await ended).outcome.kind, "success");
      await eventually(async () => {
        return (await pidsOfHeap(cacheDir, 512)).length === 0 || undefined;
      }, "the end of the other zygote");
      assert.deepEqual(await output(sandboxes, SLEEP, { input: { ms: 0 } }), { slept: 1 });
      await fork(sandboxes, LARGE);
    }
    await eventually(async () => (await treePids(cacheDir)).length === 0 || undefined);
    await Deno.remove(cacheDir, { recursive: true });
  });
}
