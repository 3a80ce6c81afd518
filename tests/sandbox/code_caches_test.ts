/** Scripts that take long to compile are compiled once, by a process that runs none of their code. */
import assert from "node:assert/strict";
import vm from "node:vm";
import { evaluateScript, useVm } from "../../src/runtime/script.ts";
import { CodeCacheUse } from "../../src/runtime/wire.ts";
import { eventually } from "../support/eventually.ts";
import { failure, output, run, type Sandboxes, sandboxSuite, scriptOf } from "./harness.ts";

/** Statements that take several milliseconds to compile and none to run. */
const MUCH_CODE = Array.from(
  { length: 8_000 },
  (_, n) => `function part${n}(a) { return [a, "${n}"].map((b) => b + ${n}).join("-"); }`,
).join("\n");
/** Scripts that read it get no template. */
const CLOCK = "const loadedAt = Date.now();";
/** Whether the text of the function was evaluated: with a code cache it is a script. */
const IS_EVALUATED = `const isEvaluated = () => {
  Error.prepareStackTrace = (_, [caller]) => caller.isEval();
  const { stack } = new Error();
  delete Error.prepareStackTrace;
  return stack;
};`;
/** Each step has a script of its own. */
const plain = (step: string) =>
  `${MUCH_CODE}\n${CLOCK}\n${IS_EVALUATED} // ${step}
  const main = ({ a }) => ({ text: part7(a), isEvaluated: isEvaluated() });`;

const POOL = { poolSize: 2, cpuTimeMs: 60_000 };

/** Makes the first invocation of a script, and waits until one more script has a code cache. */
async function compiledBy<T>(sandboxes: Sandboxes, call: () => Promise<T>): Promise<T> {
  const before = sandboxes.stats.codeCaches;
  const made = await call();
  await eventually(() => sandboxes.stats.codeCaches === before + 1 || undefined);
  return made;
}

const step = sandboxSuite("code caches", POOL);

step("the first invocation of a large script makes its code cache", async (sandboxes) => {
  const body = plain("first");
  const first = await compiledBy(
    sandboxes,
    () => output(sandboxes, body, { input: { a: 1 } }),
  );
  assert.deepEqual(first, { text: "8-77", isEvaluated: true });
  const { codeCaches } = sandboxes.stats;
  for (let n = 0; n < 3; n++) {
    const { outcome, process } = await run(sandboxes, body, { input: { a: 1 } });
    assert.equal(process, "root");
    assert.ok(outcome.kind === "success", JSON.stringify(outcome));
    assert.deepEqual(JSON.parse(outcome.outputJson), { text: "8-77", isEvaluated: false });
  }
  assert.equal(sandboxes.stats.codeCaches, codeCaches, "V8 rejected it");
});

step("a script that is compiled ahead has its code cache at once", async (sandboxes) => {
  const body = plain("ahead");
  const before = sandboxes.stats.codeCaches;
  await sandboxes.compile(body, scriptOf(body));
  assert.equal(sandboxes.stats.codeCaches, before + 1);
  const { isEvaluated } = await output(sandboxes, body, { input: { a: 1 } });
  assert.equal(isEvaluated, false);
  const small = "const main = () => ({});";
  await sandboxes.compile(small, scriptOf(small));
  await sandboxes.compile("text", `async function () { throw 1 +; }${" ".repeat(100_000)}`);
  assert.equal(sandboxes.stats.codeCaches, before + 1);
});

step("a template evaluates a script with its code cache", async (sandboxes) => {
  const body = plain("template").replace(CLOCK, "");
  await sandboxes.compile(body, scriptOf(body));
  sandboxes.provision([{ key: body, script: scriptOf(body), count: 1 }]);
  await eventually(async () => {
    const { process, outcome } = await run(sandboxes, body, { input: { a: 1 } });
    assert.ok(outcome.kind === "success", JSON.stringify(outcome));
    assert.deepEqual(JSON.parse(outcome.outputJson), { text: "8-77", isEvaluated: false });
    return process === "template" || undefined;
  });
});

step("imports of a compiled script pass the same hooks", async (sandboxes) => {
  const body = `${MUCH_CODE}\n${CLOCK}
    const tried = async (load) => {
      try { return Object.keys(await load()).length > 0; } catch (error) { return error.message; }
    };
    const main = async () => ({
      path: await tried(() => import("node:path")),
      fs: Object.hasOwn(await import("node:fs"), "existsSync") && (await import("node:fs")).existsSync("/"),
      evaluated: await tried(() => (0, eval)('import("node:url")')),
      sqlite: await tried(() => import("node:sqlite")),
      v8: await tried(() => eval('import("node:v8")')),
      file: await tried(() => import("file:///etc/passwd")),
      relative: await tried(() => import("./bootstrap.js")),
      hooks: Object.hasOwn(await import("node:module"), "registerHooks"),
    });`;
  const before = await compiledBy(sandboxes, () => output(sandboxes, body));
  const after = await output(sandboxes, body);
  assert.deepEqual(after, before);
  assert.deepEqual([after.path, after.fs, after.hooks], [true, false, false]);
  assert.match(String(after.sqlite), /not available in a function/);
});

step("errors of a compiled script name its lines", async (sandboxes) => {
  const body = `${MUCH_CODE}\n${CLOCK}
    const main = () => { throw new RangeError("at " + part1(1)); };`;
  const before = await compiledBy(sandboxes, () => failure(sandboxes, body));
  assert.equal(await failure(sandboxes, body), before);
});

step("a function cannot change its code cache", async (sandboxes) => {
  const hostile = `${MUCH_CODE}\n${CLOCK}\n${IS_EVALUATED}
    const { Script } = await import("node:vm");
    const forged = new Script("({ forged: true })").createCachedData();
    Script.prototype.createCachedData = Script.prototype.runInThisContext = () => forged;
    Object.defineProperty(Object.prototype, "cachedData", { get: () => forged, configurable: true });
    Uint8Array.prototype.set = () => {};
    const main = () => ({ text: part8(1), isEvaluated: isEvaluated() });`;
  await compiledBy(sandboxes, () => output(sandboxes, hostile));
  for (let n = 0; n < 3; n++) {
    assert.deepEqual(await output(sandboxes, hostile), { text: "9-88", isEvaluated: false });
  }
  const body = plain("other");
  await compiledBy(sandboxes, () => output(sandboxes, body, { input: { a: 1 } }));
  const other = await output(sandboxes, body, { input: { a: 1 } });
  assert.deepEqual(other, { text: "8-77", isEvaluated: false });
});

Deno.test("a code cache that does not fit is not used", async () => {
  useVm(vm);
  const fitting = await codeCacheOf(NUMBERED(0));
  const wrong = {
    "of a longer script": await codeCacheOf(`${NUMBERED(0)} `),
    "of other flags of V8": await codeCacheOf(NUMBERED(0), ["--v8-flags=--no-maglev"]),
    "of another version": fitting.map((byte, at) => at === 4 ? byte ^ 1 : byte),
    "cut off": fitting.subarray(0, -8),
    "random": crypto.getRandomValues(new Uint8Array(fitting.length)),
    "too short": new Uint8Array(1),
  };
  const cases = { USED: { fitting }, REJECTED: wrong } as const;
  // V8 would find a text again that it has compiled.
  let number = 1;
  for (const use of ["USED", "REJECTED"] as const) {
    for (const [name, codeCache] of Object.entries(cases[use])) {
      const { value, cacheUse } = evaluateScript(NUMBERED(number++), codeCache);
      const { default: main } = await (value as () => Promise<{ default: () => string }>)();
      assert.deepEqual([name, main(), cacheUse], [name, "right", CodeCacheUse[use]]);
    }
  }
});

/** Scripts of the same length. */
const NUMBERED = (n: number) => `async function () { return { default: () => "right" }; /*${n}*/ }`;

/** Made by a process of its own, with the flags of this one besides. */
async function codeCacheOf(script: string, flags: readonly string[] = []): Promise<Uint8Array> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      ...flags,
      "--ext=mjs",
      `import vm from "node:vm";
      const made = new vm.Script(${JSON.stringify(`(${script}\n)`)}).createCachedData();
      Deno.stdout.writeSync(made);`,
    ],
  }).output();
  return stdout;
}
