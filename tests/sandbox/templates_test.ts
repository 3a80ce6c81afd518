/** Calls that start from a template, which has evaluated their script, behave as if they evaluated it. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { childrenOf, signalUnlessEnded } from "../support/processes.ts";
import {
  AVAILABLE_MODES,
  failure,
  MIB,
  output,
  type Ran,
  run,
  type RunOptions,
  type Sandboxes,
  sandboxTest,
  scriptOf,
  treePids,
} from "./harness.ts";

/** Takes long enough that a template pays, and uses nothing that differs between calls. */
const SLOW = `let sum = 0; for (let n = 0; n < 3e7; n++) sum = (sum + n) | 0;`;
const COUNTER =
  `${SLOW} let calls = 0; const main = (input) => ({ calls: ++calls, sum, ...input });`;

const POOL = { poolSize: 2, cpuTimeMs: 60_000 };

/** Runs the body until a call starts from its template. */
async function fromTemplate(
  sandboxes: Sandboxes,
  body: string,
  options: RunOptions = {},
): Promise<Ran> {
  return await eventually(async () => {
    const ran = await run(sandboxes, body, options);
    return ran.process === "template" ? ran : undefined;
  }, "a call from a template");
}

sandboxTest("a script that is slow to evaluate gets a template", async (sandboxes) => {
  const first = await run(sandboxes, COUNTER, { input: { call: 0 } });
  assert.equal(first.process, "root");
  await fromTemplate(sandboxes, COUNTER);
  const together = await Promise.all(
    Array.from({ length: 12 }, (_, call) => run(sandboxes, COUNTER, { input: { call } })),
  );
  for (const [call, { outcome }] of together.entries()) {
    assert.equal(outcome.kind, "success");
    const { calls, call: got } = JSON.parse(outcome.kind === "success" ? outcome.outputJson : "");
    assert.deepEqual({ calls, got }, { calls: 1, got: call });
  }
}, POOL);

sandboxTest("provisioned scripts have instances before their first call", async (sandboxes) => {
  const body = "let calls = 0; const main = () => ({ calls: ++calls });";
  sandboxes.provision([{ key: body, script: scriptOf(body), count: 2 }]);
  await eventually(() => Promise.resolve(sandboxes.stats.ready >= 4 || undefined));
  assert.equal((await run(sandboxes, body)).process, "template");
  assert.deepEqual(await output(sandboxes, body), { calls: 1 });
}, POOL);

sandboxTest(
  "provisioned scripts keep their templates when memory is used up",
  async (sandboxes) => {
    const bodies = [1, 2, 3].map((n) => `const main = () => ({ n: ${n} });`);
    sandboxes.provision(bodies.map((key) => ({ key, script: scriptOf(key), count: 1 })));
    await eventually(() =>
      Promise.resolve(sandboxes.stats.ready === POOL.poolSize + 2 || undefined)
    );
    const slow = `${SLOW} const main = () => ({ sum });`;
    for (let round = 0; round < 3; round++) {
      const processes = [];
      for (const body of [...bodies, slow]) processes.push((await run(sandboxes, body)).process);
      assert.deepEqual(processes, ["template", "template", "root", "root"]);
    }
  },
  { ...POOL, poolMemoryBytes: 7 * MIB },
);

sandboxTest("provisioned instances stay within the memory of the pool", async (sandboxes) => {
  const scripts = ["a", "b"].map((name) => `const main = () => ({ name: "${name}" });`);
  sandboxes.provision(scripts.map((key) => ({ key, script: scriptOf(key), count: 20 })));
  // Of 12 MiB a template takes 2, each of its waiting instances 1; the second script gets what the first leaves.
  const within = POOL.poolSize + 9;
  await eventually(() => Promise.resolve(sandboxes.stats.ready >= within || undefined));
  for (const key of scripts) await output(sandboxes, key);
  await eventually(() => Promise.resolve(sandboxes.stats.ready >= within || undefined));
  assert.ok(sandboxes.stats.ready <= within, String(sandboxes.stats.ready));
}, { ...POOL, poolMemoryBytes: 12 * MIB });

sandboxTest("calls that follow each other find one more instance", async (sandboxes) => {
  const body = `${SLOW} const main = () => ({ sum });`;
  await fromTemplate(sandboxes, body);
  let calls = 0;
  await eventually(async () => {
    // On a busy machine two calls may be too far from each other.
    if (calls++ % 20 === 0) { for (let call = 0; call < 2; call++) await run(sandboxes, body); }
    return sandboxes.stats.ready >= POOL.poolSize + 2 || undefined;
  }, "a second instance that waits");
}, POOL);

/** Scripts that are not fit for a template. Each is evaluated in every call. */
const UNSUITABLE: Readonly<Record<string, string>> = {
  "reads secrets": "const { key } = meta.invoked.secrets;",
  "asks the server": `const { json: key } = await meta.invoked.call('{"method":"echo"}');`,
  "prints": `console.log("loading"); const key = 1;`,
  "writes to stderr": `Deno.stderr.writeSync(new TextEncoder().encode("raw\\n")); const key = 1;`,
  "connects":
    `const key = await fetch("http://127.0.0.1:8123/").then(() => 1, (error) => error.name);`,
  "draws Math.random": "const key = Math.random();",
  "draws crypto.getRandomValues": "const [key] = crypto.getRandomValues(new Uint8Array(8));",
  "draws crypto.randomUUID": "const key = crypto.randomUUID();",
  "draws node:crypto": `const key = (await import("node:crypto")).randomBytes(4).toString("hex");`,
  "makes a key":
    `const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);`,
  "reads Date.now": "const key = Date.now();",
  "makes a Date": "const key = new Date();",
  "reads performance.now": "const key = performance.now();",
  "reads Temporal.Now": "const key = String(Temporal.Now.instant());",
  "reads process.hrtime": "const key = process.hrtime()[0];",
  "reads process.hrtime.bigint": "const key = String(process.hrtime.bigint());",
  "reads process.uptime": "const key = process.uptime();",
  "reads process.cpuUsage": "const key = process.cpuUsage().user;",
  "reads process.resourceUsage": "const key = process.resourceUsage().maxRSS;",
  "reads process.memoryUsage.rss": "const key = process.memoryUsage.rss();",
  "reads Deno.memoryUsage": "const key = Deno.memoryUsage().rss;",
  "sets a timer": "const key = 1; setTimeout(() => {}, 1e6).unref?.();",
  "hashes in a thread": `const key = await crypto.subtle.digest("SHA-256", new Uint8Array(1));`,
};

sandboxTest("a script that uses what differs between calls has no template", async (sandboxes) => {
  const host = { call: () => Promise.resolve({ value: "heard" }) };
  sandboxes.provision(
    Object.values(UNSUITABLE).map((top) => {
      const body = `${top} const main = () => ({ key: typeof key });`;
      return { key: body, script: scriptOf(body), count: 1 };
    }),
  );
  for (const [name, top] of Object.entries(UNSUITABLE)) {
    const body = `${top} const main = () => ({ key: typeof key });`;
    const options = { secrets: { key: "a value" }, host };
    for (let call = 0; call < 3; call++) {
      const { outcome, process } = await run(sandboxes, body, options);
      assert.deepEqual([name, process, outcome.kind], [name, "root", "success"]);
    }
  }
}, POOL);

sandboxTest("a script that fails at its top level fails in every call", async (sandboxes) => {
  const failing = {
    "throw new Error('at load'); const main = 1;": /^UNCAUGHT: Error: at load/,
    "await new Promise(() => {}); const main = () => ({});": /^EXITED: .*never settled/,
    "Deno.exit(7); const main = () => ({});": /^EXITED: .*exit code 7/,
  };
  sandboxes.provision(
    Object.keys(failing).map((body) => ({ key: body, script: scriptOf(body), count: 1 })),
  );
  for (const [body, expected] of Object.entries(failing)) {
    for (let call = 0; call < 3; call++) assert.match(await failure(sandboxes, body), expected);
  }
}, POOL);

sandboxTest("a template that changes built-ins cannot forge an answer", async (sandboxes) => {
  const body = `${SLOW} DataView.prototype.getUint32 = () => 0;
    Uint8Array.prototype.slice = Uint8Array.prototype.subarray = () => new Uint8Array(0);
    TextDecoder.prototype.decode = () => '{"forged":1}'; globalThis.Int32Array = undefined;
    JSON.parse = () => ({ forged: 1 }); Reflect.apply = () => { throw 1; };
    globalThis.Number = globalThis.BigInt = () => 0; globalThis.Uint8Array = class {};
    Object.defineProperty(Array.prototype, "0", { set() {}, get: () => 0 });
    Object.defineProperty(Object.prototype, "secrets", { get: () => ({ key: "forged" }), set() {} });
    const main = (input) => ({ input, key: meta.invoked.secrets.key });`;
  const options = { input: { n: 1 }, secrets: { key: "real" } };
  await fromTemplate(sandboxes, body, options);
  for (let call = 0; call < 20; call++) {
    const { outcome, process } = await run(sandboxes, body, options);
    assert.equal(process, "template");
    assert.deepEqual(outcome, {
      kind: "success",
      outputJson: '{"input":{"n":1},"key":"real"}',
    });
  }
}, POOL);

/** The template of the only script, which is a child of the root and forks templates itself. */
async function scriptTemplateOf(
  cacheDir: string,
): Promise<{ script: number; below: readonly number[] }> {
  return await eventually(async () => {
    const all = await treePids(cacheDir);
    // Below it are templates, and below these instances; the root has it below itself.
    const script = all.find((pid) => heightOf(pid) === 2);
    return script === undefined ? undefined : { script, below: childrenOf(script) };
  }, "a script template");
}

/** Generations of processes below this one. */
function heightOf(pid: number): number {
  return Math.max(0, ...childrenOf(pid).map((child) => 1 + heightOf(child)));
}

/** Waits in the call if the input says so. */
const WAITING = `${SLOW} const main = async ({ wait }) => {
  console.log("up");
  if (wait) await new Promise((done) => setTimeout(done, wait));
  return { sum };
};`;

for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  sandboxTest(
    `${signal} of a script template harms its running calls alone`,
    async (sandboxes, _context, _mode, cacheDir) => {
      await fromTemplate(sandboxes, WAITING);
      // A call soon after would make another template, which is not seen below or killed.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const { promise: up, resolve } = Promise.withResolvers<void>();
      // What is killed would not end by itself before.
      const wait = signal === "SIGKILL" ? 30_000 : 500;
      const running = run(sandboxes, WAITING, { input: { wait }, onLog: () => resolve() });
      await up;
      const { script, below } = await scriptTemplateOf(cacheDir);
      // Those below end with a script template that was killed.
      for (const pid of [script, ...below]) signalUnlessEnded(pid, signal);
      // Each of these finds no instance of the template, or one that still waits.
      const calls = Array.from({ length: 6 }, () => run(sandboxes, WAITING));
      for (const { outcome } of await Promise.all(calls)) assert.equal(outcome.kind, "success");
      const { outcome, process } = await running;
      assert.equal(process, "template");
      if (signal === "SIGSTOP") assert.equal(outcome.kind, "success");
      else assert.match(outcome.kind === "error" ? outcome.message : "", /the signal SIGKILL$/);
      await eventually(async () => {
        const alive = await treePids(cacheDir);
        return ![script, ...below].some((pid) => alive.includes(pid)) || undefined;
      }, "the end of the template");
      assert.equal((await run(sandboxes, WAITING)).outcome.kind, "success");
    },
    POOL,
    signal === "SIGSTOP" ? AVAILABLE_MODES.slice(0, 1) : AVAILABLE_MODES,
  );
}
