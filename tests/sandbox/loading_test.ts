/** Code that is loaded ahead of its calls behaves as if it was loaded in them. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { failure, output, run, sandboxTest, scriptOf } from "./harness.ts";

/** Returns whether its module was loaded before `sentAt`. */
const EARLY = `const loaded = Date.now(); let calls = 0;
const main = ({ sentAt }) => ({ early: loaded < sentAt, calls: ++calls });`;

/** Large enough for generic and loaded instances. */
const POOL = { poolSize: 4 };

async function calledEarly(call: () => Promise<Record<string, unknown>>): Promise<boolean> {
  const { early, calls } = await call();
  assert.equal(calls, 1);
  return early === true;
}

sandboxTest(
  "code that is called is loaded ahead, and each call has its own state",
  async (sandboxes) => {
    const call = () => output(sandboxes, EARLY, { input: { sentAt: Date.now() } });
    await eventually(async () => await calledEarly(call) || undefined);
  },
  POOL,
);

sandboxTest("provisioned code is loaded before its first call", async (sandboxes) => {
  sandboxes.provision([{ key: EARLY, script: scriptOf(EARLY), count: 2 }]);
  await eventually(() => Promise.resolve(sandboxes.stats.ready >= 5 || undefined));
  assert.ok(await calledEarly(() => output(sandboxes, EARLY, { input: { sentAt: Date.now() } })));
}, { ...POOL, poolSize: 3 });

sandboxTest(
  "a module that needs a call to load is loaded in every call",
  async (sandboxes) => {
    const modules: Record<
      string,
      { body: string; output?: unknown; failure?: RegExp; logs?: string[] }
    > = {
      "reads secrets": {
        body: `const { key } = meta.invoked.secrets; const main = () => ({ key });`,
        output: { key: "a value" },
      },
      "asks the server": {
        body:
          `const { json } = await meta.invoked.call('{"method":"echo"}'); const main = () => ({ json });`,
        output: { json: '"heard"' },
      },
      "prints": {
        body: `console.log("loading"); const main = () => ({});`,
        output: {},
        logs: ["loading"],
      },
      "writes to stdout": {
        body: `Deno.stdout.writeSync(new TextEncoder().encode("raw\\n")); const main = () => ({});`,
        output: {},
        logs: ["raw"],
      },
      "connects": {
        body:
          `const result = await fetch("http://127.0.0.1:9/").then(() => "?", (error) => error.name);
        const main = () => ({ result });`,
        output: { result: "TypeError" },
      },
      "throws": {
        body: `throw new Error("at load"); const main = 1;`,
        failure: /^UNCAUGHT: Error: at load/,
      },
      "stalls": {
        body: `await new Promise(() => {}); const main = () => ({});`,
        failure: /^EXITED: .*never settled/,
      },
      "exits": {
        body: `Deno.exit(7); const main = () => ({});`,
        failure: /^EXITED: .*exit code 7/,
      },
      "has no handler": {
        body: `const main = 5;`,
        failure: /^UNCAUGHT: TypeError: main.ts has no default export/,
      },
    };
    const host = { call: () => Promise.resolve({ value: "heard" }) };
    for (const [name, module] of Object.entries(modules)) {
      for (let call = 0; call < 4; call++) {
        const options = { secrets: { key: "a value" }, host };
        if (module.failure !== undefined) {
          assert.match(await failure(sandboxes, module.body, options), module.failure, name);
          continue;
        }
        const { outcome, logs } = await run(sandboxes, module.body, options);
        const outputJson = JSON.stringify(module.output);
        assert.deepEqual(outcome, { kind: "success", outputJson }, name);
        const printed = logs.filter(({ source }) => source !== "egress").map(({ message }) =>
          message
        );
        assert.deepEqual(printed, module.logs ?? [], name);
      }
    }
  },
  POOL,
);

sandboxTest("secrets and allowlist are those at the start of the call", async (sandboxes) => {
  const body = `const loaded = Date.now();
    const main = ({ sentAt }) => ({ early: loaded < sentAt, key: meta.invoked.secrets.key });`;
  let number = 0;
  await eventually(async () => {
    const key = `value ${++number}`;
    const answer = await output(sandboxes, body, {
      input: { sentAt: Date.now() },
      secrets: { key },
    });
    assert.equal(answer.key, key);
    return answer.early === true || undefined;
  });
}, POOL);

sandboxTest(
  "a module that changes built-ins while it loads cannot forge its answer",
  async (sandboxes) => {
    const body = `DataView.prototype.getUint32 = () => 0;
    Uint8Array.prototype.slice = Uint8Array.prototype.subarray = () => new Uint8Array(0);
    TextDecoder.prototype.decode = () => '{"forged":1}';
    JSON.parse = () => ({ forged: 1 }); Reflect.apply = () => { throw 1; };
    Object.defineProperty(Object.prototype, "secrets", { get: () => ({ key: "forged" }), set() {} });
    const main = (input) => ({ input, key: meta.invoked.secrets.key });`;
    for (let call = 0; call < 5; call++) {
      const options = { input: { n: call }, secrets: { key: "real" } };
      assert.deepEqual(await output(sandboxes, body, options), { input: { n: call }, key: "real" });
    }
  },
  POOL,
);
