/** Invocations that start from a template, which has evaluated their script, behave as if they evaluated it. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { allGone, descendantsOf, readChildren, signalUnlessEnded } from "../support/processes.ts";
import {
  AVAILABLE_MODES,
  failure,
  fromTemplate,
  MIB,
  output,
  run,
  sandboxSuite,
  sandboxTest,
  scriptOf,
  started,
  treePids,
} from "./harness.ts";

/** Takes long enough that a template pays, and uses nothing that differs between invocations. */
const SLOW = `let sum = 0; for (let n = 0; n < 1e7; n++) sum = (sum + n) | 0;`;
const COUNTER =
  `${SLOW} let calls = 0; const main = (input) => ({ calls: ++calls, sum, ...input });`;

const POOL = { poolSize: 2, cpuTimeMs: 60_000 };

const step = sandboxSuite("templates", POOL);

step("a script that is slow to evaluate gets a template", async (sandboxes) => {
  const first = await run(sandboxes, COUNTER, { input: { call: 0 } });
  assert.equal(first.process, "root");
  await fromTemplate(sandboxes, COUNTER);
  const together = await Promise.all(
    Array.from({ length: 12 }, (_, n) => run(sandboxes, COUNTER, { input: { call: n } })),
  );
  for (const [n, { outcome }] of together.entries()) {
    assert.equal(outcome.kind, "success");
    const { calls, call: got } = JSON.parse(outcome.kind === "success" ? outcome.outputJson : "");
    assert.deepEqual({ calls, got }, { calls: 1, got: n });
  }
});

step(
  "functions with equal code share a template, whatever networks they have",
  async (sandboxes) => {
    const body = `${SLOW} const main = (input) => ({ sum, ...input }); // equal`;
    await fromTemplate(sandboxes, body);
    const owners = [
      { functionKey: "closed" },
      { functionKey: "open", outboundAllowlist: ["example.com"] },
      { functionKey: "closed too" },
    ];
    for (let round = 0; round < 4; round++) {
      // More at a time than instances wait, so that invocations of each kind wait for instances.
      const ran = await Promise.all(
        Array.from(
          { length: 9 },
          (_, n) => run(sandboxes, body, { ...owners[n % owners.length], input: { n } }),
        ),
      );
      for (const [n, { outcome }] of ran.entries()) {
        assert.equal(outcome.kind === "success" && JSON.parse(outcome.outputJson).n, n);
      }
    }
  },
);

sandboxTest(
  "provisioned scripts have instances before their first invocation",
  async (sandboxes) => {
    const body = "let calls = 0; const main = () => ({ calls: ++calls });";
    sandboxes.provision([{ key: body, script: scriptOf(body), count: 2 }]);
    await eventually(() => Promise.resolve(sandboxes.stats.ready >= 4 || undefined));
    assert.equal((await run(sandboxes, body)).process, "template");
    assert.deepEqual(await output(sandboxes, body), { calls: 1 });
  },
  POOL,
);

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

sandboxTest("a template counts with the memory that its script has taken", async (sandboxes) => {
  await fromTemplate(sandboxes, COUNTER);
  const large = `${SLOW} const table = new Uint8Array(40 * ${MIB}).fill(1);
    const main = () => ({ bytes: table.length });`;
  for (let n = 0; n < 10; n++) {
    assert.equal((await run(sandboxes, large)).process, "root");
  }
  // It never fits, so nothing was given up for it.
  assert.equal((await run(sandboxes, COUNTER)).process, "template");
}, { ...POOL, poolMemoryBytes: 32 * MIB });

sandboxTest("invocations that follow each other find one more instance", async (sandboxes) => {
  const body = `${SLOW} const main = () => ({ sum });`;
  await fromTemplate(sandboxes, body);
  let count = 0;
  await eventually(async () => {
    // On a busy machine two invocations may be too far from each other.
    if (count++ % 20 === 0) { for (let n = 0; n < 2; n++) await run(sandboxes, body); }
    return sandboxes.stats.ready >= POOL.poolSize + 2 || undefined;
  }, "a second instance that waits");
}, POOL);

step("a script that fails at its top level fails in every invocation", async (sandboxes) => {
  const failing = {
    "throw new Error('at load'); const main = 1;": /^UNCAUGHT: Error: at load/,
    "await new Promise(() => {}); const main = () => ({});": /^EXITED: .*never settled/,
    "Deno.exit(7); const main = () => ({});": /^EXITED: .*exit code 7/,
  };
  sandboxes.provision(
    Object.keys(failing).map((body) => ({ key: body, script: scriptOf(body), count: 1 })),
  );
  for (const [body, expected] of Object.entries(failing)) {
    for (let n = 0; n < 3; n++) assert.match(await failure(sandboxes, body), expected);
  }
});

step("a template that changes built-ins cannot forge an answer", async (sandboxes) => {
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
  for (let n = 0; n < 20; n++) {
    const { outcome, process } = await run(sandboxes, body, options);
    assert.equal(process, "template");
    assert.deepEqual(outcome, {
      kind: "success",
      outputJson: '{"input":{"n":1},"key":"real"}',
    });
  }
});

step(
  "a fork settles without code of its template, whose stacks name no path",
  async (sandboxes) => {
    const body = `${SLOW} const stacks = [];
    const note = () => void stacks.push(String(new Error().stack));
    const watch = (target, key, value) =>
      Object.defineProperty(target, key, { configurable: true, get() { note(); return value(this); } });
    watch(globalThis, "crypto", () => ({}));
    watch(globalThis, "performance", () => ({}));
    const typed = Object.getPrototypeOf(Uint8Array.prototype);
    for (const key of ["length", "byteLength", "byteOffset", "buffer"]) {
      const { get } = Object.getOwnPropertyDescriptor(typed, key);
      watch(typed, key, (self) => get.call(self));
    }
    const main = async () => {
      const before = [...stacks];
      const { json } = await meta.invoked.call('{"method":"echo"}');
      const overflow = () => {
        try { overflow(); } catch { try { Math.random(); } catch (error) { stacks.push(error.stack); } }
      };
      overflow();
      const paths = stacks.filter((stack) => /bootstrap|file:/.test(stack));
      return { before, paths, json, isDrawn: Math.random() < 1 };
    };`;
    const host = { call: () => Promise.resolve({ value: 1 }) };
    const { outcome } = await fromTemplate(sandboxes, body, { host });
    const outputJson = JSON.stringify({ before: [], paths: [], json: "1", isDrawn: true });
    assert.deepEqual(outcome, { kind: "success", outputJson });
  },
);

/** After this a script that does not end has been given up. */
const SPINS_AGAIN_MS = 10_000;

/** Lines of the limits of a process; empty once it has ended. */
async function limitsOf(pid: number): Promise<string> {
  return await Deno.readTextFile(`/proc/${pid}/limits`).catch(() => "");
}

step(
  "a script is evaluated for a template with the limits of an instance",
  async (sandboxes, _context, _mode, cacheDir) => {
    /** Each is given up after some seconds, in which a busy machine may not look. */
    let spinning = "for (;;);";
    let begunMs = -Infinity;
    const spin = () => {
      if (performance.now() - begunMs < SPINS_AGAIN_MS) return;
      begunMs = performance.now();
      spinning += ";";
      sandboxes.provision([{ key: spinning, script: scriptOf(spinning), count: 1 }]);
    };
    const awaitLimits = (cpu: RegExp, begin = () => {}) =>
      eventually(async () => {
        begin();
        const all = await Promise.all((await treePids(cacheDir)).map(limitsOf));
        return all.find((limits) => cpu.test(limits) && /^Max data size +(\d+) +\1 /m.test(limits));
      }, `a template with the limits ${cpu}`);
    // Forks could not raise a hard limit of their template, and it needs time of its own to fork.
    await awaitLimits(/^Max cpu time +60 +(?!60 )\S/m, spin);
    // It keeps nothing: an instance could not begin without memory that is left.
    const body = `let caught = "";
      try { new Uint8Array(1024 * ${MIB}); } catch (error) { caught = error.name; }
      const main = () => ({ caught });`;
    sandboxes.provision([{ key: body, script: scriptOf(body), count: 1 }]);
    const { outcome } = await fromTemplate(sandboxes, body);
    assert.deepEqual(outcome, { kind: "success", outputJson: '{"caught":"RangeError"}' });
    await awaitLimits(/^Max cpu time +(?!60 )(\S+) +\1 /m);
  },
);

/** The template of the only script, which is a child of the zygote and forks templates itself. */
async function scriptTemplateOf(
  cacheDir: string,
): Promise<{ script: number; below: readonly number[] }> {
  return await eventually(async () => {
    const all = await treePids(cacheDir);
    const children = readChildren();
    // Below it are templates, and below these instances; the zygote has it below itself.
    const script = all.find((pid) => heightOf(pid, children) === 2);
    return script === undefined ? undefined : { script, below: children.get(script) ?? [] };
  }, "a script template");
}

/** Generations of processes below this one. */
function heightOf(pid: number, children: ReturnType<typeof readChildren>): number {
  const heights = (children.get(pid) ?? []).map((child) => 1 + heightOf(child, children));
  return Math.max(0, ...heights);
}

/** Waits during the invocation if the input says so. */
const WAITING = `${SLOW} const main = async ({ wait }) => {
  console.log("up");
  if (wait) await new Promise((done) => setTimeout(done, wait));
  return { sum };
};`;

for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  sandboxTest(
    `${signal} of a script template harms its running invocations alone`,
    async (sandboxes, _context, _mode, cacheDir) => {
      await fromTemplate(sandboxes, WAITING);
      // An invocation soon after would make another template, which is not seen below or killed.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      // What is killed would not end by itself before.
      const wait = signal === "SIGKILL" ? 30_000 : 500;
      const running = await started(sandboxes, WAITING, { input: { wait } });
      const { script, below } = await scriptTemplateOf(cacheDir);
      const family = [script, ...descendantsOf(script)];
      // Those below end with a script template that was killed.
      for (const pid of [script, ...below]) signalUnlessEnded(pid, signal);
      // A waiting instance could still take an invocation before its own end.
      if (signal === "SIGKILL") await allGone(family);
      // Each of these finds no instance of the template, or one that still waits.
      const waiting = Array.from({ length: 6 }, () => run(sandboxes, WAITING));
      for (const { outcome } of await Promise.all(waiting)) assert.equal(outcome.kind, "success");
      const { outcome, process } = await running.ended;
      assert.equal(process, "template");
      if (signal === "SIGSTOP") assert.equal(outcome.kind, "success");
      else {
        assert.deepEqual(outcome, {
          kind: "error",
          code: "INTERRUPTED",
          message: "the template of its process ended while it ran; part of its code may have run",
        });
      }
      await allGone([script, ...below]);
      assert.equal((await run(sandboxes, WAITING)).outcome.kind, "success");
    },
    POOL,
    signal === "SIGSTOP" ? AVAILABLE_MODES.slice(0, 1) : AVAILABLE_MODES,
  );
}
