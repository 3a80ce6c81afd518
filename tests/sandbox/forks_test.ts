/** Forks of one process are as separate as processes that were started one by one. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { allGone, childrenOf, descendantsOf, isGone, readChildren } from "../support/processes.ts";
import { IS_LONG, random, SEED } from "../support/seed.ts";
import {
  AVAILABLE_MODES,
  errorOf,
  failure,
  fromTemplate,
  makeCacheDir,
  output,
  poolOf,
  poolPids,
  run,
  type Sandboxes,
  sandboxSuite,
  scriptOf,
  started,
  treePids,
  zygoteOf,
} from "./harness.ts";

const AT_ONCE = 6;
/**
 * Forks of each kind that draw random numbers: some at the same time, others after these. Forks with a shared state repeat
 * each other at once; `--long` finds rare clashes.
 */
const INVOCATIONS = IS_LONG ? 200 : AT_ONCE + 4;

/** The limit of processor time identifies the processes of these tests. */
const POOL = { poolSize: 4, cpuTimeMs: 111_000 };

/** Runs `body` for each number below `count`, some at a time. */
async function each(count: number, body: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await body(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Draws from every source of random numbers. The isolation makes no difference, so one mode is tested. */
const DRAWS = `
  const nodeCrypto = await import("node:crypto"), nodeVm = await import("node:vm");
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  async function main() {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
    const key = nodeCrypto.generateKeyPairSync("ed25519").privateKey;
    return {
      mathRandom: String(Math.random()),
      randomUUID: crypto.randomUUID(),
      getRandomValues: hex(crypto.getRandomValues(new Uint8Array(8))),
      nodeUUID: nodeCrypto.randomUUID(),
      randomBytes: nodeCrypto.randomBytes(8).toString("hex"),
      randomInt: String(nodeCrypto.randomInt(2 ** 47)),
      randomFillSync: hex(nodeCrypto.randomFillSync(new Uint8Array(8))),
      webKey: hex(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
      nodeKey: hex(key.export({ type: "pkcs8", format: "der" })),
      realm: String(nodeVm.runInNewContext("Math.random()")),
      scriptRealm: String(new nodeVm.Script("Math.random()").runInNewContext()),
      context: String(nodeVm.runInContext("Math.random()", nodeVm.createContext({}))),
      boundary: Array.from(
        { length: 500 },
        () => new Response(new FormData()).headers.get("content-type"),
      ).filter((_, n) => n % 128 === 0),
      objectURL: URL.createObjectURL(new Blob(["a"])),
    };
  }`;

/** @param seen what was drawn so far, by its source */
async function checkDraws(
  sandboxes: Sandboxes,
  process: "root" | "template",
  seen: Map<string, unknown[]>,
): Promise<void> {
  await each(INVOCATIONS, async (invocation) => {
    // A script that is new has no template.
    const ran = await run(sandboxes, process === "root" ? `${DRAWS}\n// ${invocation}` : DRAWS);
    assert.equal(ran.process, process);
    assert.equal(ran.outcome.kind, "success", JSON.stringify(ran.outcome));
    const drawn = JSON.parse(ran.outcome.kind === "success" ? ran.outcome.outputJson : "");
    for (const [source, value] of Object.entries(drawn)) {
      seen.set(source, [...seen.get(source) ?? [], value].flat());
    }
  });
  for (const [source, values] of seen) {
    assert.ok(values.length >= INVOCATIONS);
    assert.equal(new Set(values).size, values.length, `${source} repeats`);
  }
}

const step = sandboxSuite("forks", POOL);

step(
  "no two forks draw the same random number",
  async (sandboxes) => {
    const seen = new Map<string, unknown[]>();
    await checkDraws(sandboxes, "root", seen);
    sandboxes.provision([{ key: DRAWS, script: scriptOf(DRAWS), count: 2 }]);
    await eventually(async () => (await run(sandboxes, DRAWS)).process === "template" || undefined);
    await checkDraws(sandboxes, "template", seen);
  },
  AVAILABLE_MODES.slice(0, 1),
);

step(
  "a realm of node:vm has random numbers of its own, and all else as in Node",
  async (sandboxes) => {
    const body = `const vm = await import("node:vm");
    const main = () => {
      const { createContext, runInContext, runInNewContext, Script } = vm;
      const attempt = (run) => { try { return run(); } catch (error) { return error.name + ": " + error.message; } };
      const drawn = Array.from({ length: 8 }, () => runInNewContext("Math.random()"));
      const many = runInNewContext("Array.from({ length: 1000 }, () => Math.random())");
      const random = () => 1, context = createContext({});
      runInContext("Math.random = () => 7", context);
      const rejecting = new Proxy({}, { get() { throw new Error("rejected"); } });
      return {
        drawn: new Set([...drawn, ...many]).size,
        isBelowOne: many.every((n) => n >= 0 && n < 1),
        isEven: Math.abs(many.reduce((sum, n) => sum + n, 0) / 1000 - 0.5) < 0.1,
        isOfRealm: runInNewContext("Math.random instanceof Function"),
        isForeign: runInNewContext("Math.random") instanceof Function,
        passed: runInNewContext("Math.random", { Math: { random } }) === random,
        mine: runInNewContext("Math", { Math }).random === Math.random,
        kept: runInNewContext("Math.random()", createContext(context)),
        rejecting: attempt(() => new Script("1").runInNewContext(rejecting)),
        vanilla: runInNewContext("typeof Math.random()", vm.constants.DONT_CONTEXTIFY),
        eval: attempt(() => runInNewContext("eval('1')", {}, { contextCodeGeneration: { strings: false } })),
        name: attempt(() => runInNewContext("1", {}, { contextName: 1 })),
        object: attempt(() => createContext(1)),
        file: attempt(() => runInNewContext("(() => new Error().stack)()", {}, "a.js")).includes("a.js:1"),
        sandbox: runInNewContext("value = 1 + value; this", { value: 1 }).value,
      };
    };`;
    assert.deepEqual(await output(sandboxes, body), {
      drawn: 1008,
      isBelowOne: true,
      isEven: true,
      isOfRealm: true,
      isForeign: false,
      passed: true,
      mine: true,
      kept: 7,
      rejecting: 1,
      vanilla: "number",
      eval: "EvalError: Code generation from strings disallowed for this context",
      name:
        'TypeError: The "options.contextName" property must be of type string. Received type number (1)',
      object: 'TypeError: The "object" argument must be of type object. Received type number (1)',
      file: true,
      sandbox: 2,
    });
  },
  AVAILABLE_MODES.slice(0, 1),
);

step("the clock of a fork begins with it", async (sandboxes) => {
  const clock = "const main = () => ({ now: performance.now(), origin: performance.timeOrigin });";
  const started = Date.now();
  for (let n = 0; n < 20; n++) await output(sandboxes, clock);
  const before = performance.timeOrigin + performance.now();
  const { now, origin } = await output(sandboxes, clock);
  const sum = Number(now) + Number(origin);
  const after = performance.timeOrigin + performance.now();
  assert.ok(sum >= before - 5 && sum <= after + 5, `${before} ${sum} ${after}`);
  assert.ok(Number(origin) > started, "it began after the zygote");
});

/** What the platform can do, each with its right answer. */
const ABILITIES: Readonly<Record<string, readonly [code: string, answer: unknown]>> = {
  timer: ["await new Promise((done) => setTimeout(done, 2)); return 1;", 1],
  digest: [
    'return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(1)))[0];',
    110,
  ],
  key: [
    'return (await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"])).type;',
    "secret",
  ],
  gzip: [
    'const { gzip, gunzip } = await import("node:zlib"); const { promisify } = await import("node:util");' +
    'return String(await promisify(gunzip)(await promisify(gzip)("text")));',
    "text",
  ],
  brotli: [
    'const zlib = await import("node:zlib");' +
    'return String(zlib.brotliDecompressSync(zlib.brotliCompressSync("text")));',
    "text",
  ],
  pbkdf2: [
    'const { pbkdf2 } = await import("node:crypto"); const { promisify } = await import("node:util");' +
    'return (await promisify(pbkdf2)("a", "b", 1000, 4, "sha256")).length;',
    4,
  ],
  stream: [
    'return (await new Response(new Blob(["x".repeat(1000)]).stream().pipeThrough(new CompressionStream("gzip"))' +
    '.pipeThrough(new DecompressionStream("gzip"))).text()).length;',
    1000,
  ],
  wasm: [
    "return WebAssembly.Module.exports((await WebAssembly.instantiate(" +
    "new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))).module).length;",
    0,
  ],
  channel: [
    "return await new Promise((done) => { const { port1, port2 } = new MessageChannel();" +
    "port1.onmessage = ({ data }) => { done(data); port1.close(); }; port2.postMessage(7); });",
    7,
  ],
  garbage: ["let last; for (let n = 0; n < 1e6; n++) last = { n }; return last.n;", 999_999],
  timeout: [
    "try { await new Promise((_, no) => { const signal = AbortSignal.timeout(5);" +
    'signal.addEventListener("abort", () => no(signal.reason)); }); } catch (error) { return error.name; }',
    "TimeoutError",
  ],
  immediate: ["return await new Promise((done) => setImmediate(() => done(3)));", 3],
  regexp: ['return /^(a+)b$/.exec("a".repeat(1000) + "b")[1].length;', 1000],
};
const ABILITIES_BODY = `const abilities = { ${
  Object.entries(ABILITIES).map(([name, [code]]) => `${name}: async () => { ${code} }`).join(",\n")
} };
const main = async ({ names }) => ({ got: await Promise.all(names.map((name) => abilities[name]())) });`;

/** Invocations that use the abilities: each ability at least once in forks of each kind; with `--long` those of the long run. */
const MIXED_INVOCATIONS = IS_LONG ? 10_000 : 2 * Object.keys(ABILITIES).length;

step("forks can do what a process can, and leave nothing behind", async (sandboxes) => {
  sandboxes.provision([{ key: ABILITIES_BODY, script: scriptOf(ABILITIES_BODY), count: 2 }]);
  await fromTemplate(sandboxes, ABILITIES_BODY, { input: { names: [] } });
  const below = random(SEED);
  const all = Object.keys(ABILITIES);
  const kinds = new Set<unknown>();
  await each(MIXED_INVOCATIONS, async (invocation) => {
    const positions = [
      Math.floor(invocation / 2) % all.length,
      below(all.length),
      below(all.length),
    ];
    const names = positions.map((position) => all[position] ?? "");
    // Every other invocation runs a script without a template.
    const body = invocation % 2 === 0 ? ABILITIES_BODY : `${ABILITIES_BODY}\n// ${invocation}`;
    const { outcome, process } = await run(sandboxes, body, { input: { names } });
    kinds.add(process);
    const outputJson = JSON.stringify({ got: names.map((name) => ABILITIES[name]?.[1]) });
    assert.deepEqual(outcome, { kind: "success", outputJson }, names.join());
  });
  assert.deepEqual([...kinds].sort(), ["root", "template"]);
  await eventually(async () => {
    const pids = await poolPids(POOL.cpuTimeMs);
    return pids.length === sandboxes.stats.ready || undefined;
  }, "the end of all instances that do not wait");
});

step("siblings that fail do not disturb each other", async (sandboxes) => {
  const good =
    "const main = async ({ n }) => { await new Promise((r) => setTimeout(r, 50)); return { n }; };";
  for (let round = 0; round < 2; round++) {
    const invocations = Array.from(
      { length: 5 },
      (_, n) => output(sandboxes, good, { input: { n } }),
    );
    const failures = [
      failure(
        sandboxes,
        "const main = () => { const a = []; for (;;) a.push(new Array(5e5).fill(a.length + 0.5)); };",
      ),
      failure(sandboxes, "const main = () => Deno.exit(9);"),
      failure(sandboxes, "const main = () => { throw new Error('mine'); };"),
    ];
    assert.deepEqual(await Promise.all(invocations), [0, 1, 2, 3, 4].map((n) => ({ n })));
    const [memory, exit, thrown] = await Promise.all(failures);
    assert.match(memory ?? "", /^OUT_OF_MEMORY: /);
    assert.match(exit ?? "", /^EXITED: .*exit code 9/);
    assert.match(thrown ?? "", /^UNCAUGHT: Error: mine/);
  }
});

step(
  "a zygote may open a file for each fork; a fork has the limit of an instance",
  async (_sandboxes, _context, _mode, cacheDir) => {
    const { zygote, templates } = await zygoteOf(cacheDir);
    const limitOf = async (pid: number) => {
      const limits = await Deno.readTextFile(`/proc/${pid}/limits`).catch(() => "");
      return Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
    };
    assert.ok(await limitOf(zygote) > 1024);
    let limited = 0;
    for (const template of templates) {
      for (const pid of [template, ...childrenOf(template)]) {
        // A fork sets its limit while it settles. One of the probe may end.
        await eventually(async () => {
          if (await limitOf(pid) === 256) limited++;
          else if (!isGone(pid)) return undefined;
          return true;
        }, `the limit of ${pid}`);
      }
    }
    assert.ok(limited > templates.length, "of templates and instances");
  },
);

/** Reads the clock: on a busy machine another script may earn a template by its evaluations. */
const GOOD = "const at = Date.now(); const main = () => ({ ok: at && 1 });";
const SLEEP = `const main = async () => {
  console.log("up");
  await new Promise((done) => setTimeout(done, 5000));
  return { slept: 1 };
};`;
const HANG =
  "const main = () => { console.log('up'); return new Promise(() => setInterval(() => {}, 9)); };";

/**
 * Kills processes, and resolves once all their forks are gone: until then a waiting fork may take an invocation, and
 * end during this invocation.
 */
async function killTrees(pids: readonly number[]): Promise<void> {
  const all = pids.flatMap((pid) => [pid, ...descendantsOf(pid)]);
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  await allGone(all);
}

/** Starts hanging invocations, and resolves once all of them run. */
async function hang(sandboxes: Sandboxes, count: number): Promise<Promise<string>[]> {
  const invocations = await Promise.all(
    Array.from({ length: count }, () => started(sandboxes, HANG)),
  );
  return invocations.map(({ ended }) => ended.then(errorOf));
}

const endStep = sandboxSuite("ends of fork servers", POOL);

endStep(
  "invocations whose template is killed end, and the pool recovers",
  async (sandboxes, _context, _mode, cacheDir) => {
    const invocations = await hang(sandboxes, 2);
    const { templates } = await zygoteOf(cacheDir);
    await killTrees(templates);
    for (const invocation of invocations) {
      assert.match(await invocation, /^INTERRUPTED: the template /);
    }
    for (let n = 0; n < 10; n++) {
      assert.deepEqual(await output(sandboxes, GOOD), {
        ok: 1,
      });
    }
  },
);

endStep(
  "invocations whose zygote is killed end, and another zygote replaces it",
  async (sandboxes, _context, _mode, cacheDir) => {
    const invocations = await hang(sandboxes, 2);
    const { zygote, templates } = await zygoteOf(cacheDir);
    await killTrees([zygote]);
    for (const invocation of invocations) {
      assert.match(await invocation, /^INTERRUPTED: the zygote /);
    }
    // Before the next zygote forks, invocations start processes of their own.
    assert.deepEqual(await output(sandboxes, GOOD), { ok: 1 });
    await eventually(async () => (await run(sandboxes, GOOD)).process === "root" || undefined);
    const alive = await treePids(cacheDir);
    assert.deepEqual(templates.filter((pid) => alive.includes(pid)), []);
  },
);

for (const mode of AVAILABLE_MODES) {
  Deno.test(`${mode}: a zygote is replaced with age, and invocations that run end on the old one`, async () => {
    const cacheDir = await makeCacheDir();
    {
      await using sandboxes = poolOf(mode, cacheDir, POOL, { zygoteLifetimeMs: 3000 });
      await sandboxes.start();
      const { zygote } = await zygoteOf(cacheDir);
      const sleeping = await started(sandboxes, SLEEP);
      await eventually(async () => {
        const children = readChildren();
        const pids = await treePids(cacheDir);
        const parents = new Set(pids.filter((pid) => (children.get(pid)?.length ?? 0) > 1));
        return parents.size > 0 && !parents.has(zygote) || undefined;
      }, "another zygote");
      assert.deepEqual(await output(sandboxes, GOOD), { ok: 1 });
      const { outcome } = await sleeping.ended;
      assert.deepEqual(outcome, { kind: "success", outputJson: '{"slept":1}' });
      await eventually(async () => !(await treePids(cacheDir)).includes(zygote) || undefined);
      // An invocation that waits while a zygote is replaced gets a process of its own.
      await eventually(async () => (await run(sandboxes, GOOD)).process === "root" || undefined);
    }
    await eventually(async () => (await treePids(cacheDir)).length === 0 || undefined);
    await Deno.remove(cacheDir, { recursive: true });
  });
}
