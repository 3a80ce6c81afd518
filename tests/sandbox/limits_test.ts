/** Limits of single invocations, within those of the server and above its defaults. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { CRASHES_MAX } from "../../src/sandbox/pool/availability.ts";
import {
  failure,
  fromTemplate,
  MIB,
  output,
  run,
  type RunOptions,
  type Sandboxes,
  sandboxSuite,
  scriptOf,
} from "./harness.ts";

/** Bodies that take an amount of MiB from the input, and differ in nothing else. */
const BUFFERS = `const main = ({ mib }) => {
  const held = Array.from({ length: mib }, (_, n) => new Uint8Array(${MIB}).fill(n + 1));
  return { held: held.length };
};`;
const LEAK =
  "const main = () => { const held = []; for (;;) held.push(new Array(5e5).fill(held.length + 0.5)); };";
const SPIN = "const main = () => { for (;;); };";

/** The engine ends the process with the signal of a crash. */
const CRASH = `const main = () => { JSON.stringify({ a: Array(600).fill("x".repeat(1e6)) }); };`;

const MAXIMA = { maxMemoryBytes: 192 * MIB, maxCpuTimeMs: 20_000 };
const SMALL = { memoryBytes: 48 * MIB };
const LARGE = { memoryBytes: 192 * MIB };
const OF_SERVER =
  "OUT_OF_MEMORY: the function needed more memory than its limit of 96 MiB (--memory)";
const OF_SMALL = OF_SERVER.replace("96 MiB (--memory)", "48 MiB (memoryMib of the function)");

async function keepsMemory(sandboxes: Sandboxes, more: RunOptions = {}): Promise<void> {
  const held = (mib: number, options: RunOptions = {}) =>
    output(sandboxes, BUFFERS, { ...more, ...options, input: { mib } });
  const exceeded = (mib: number, options: RunOptions = {}) =>
    failure(sandboxes, BUFFERS, { ...more, ...options, input: { mib } });
  assert.deepEqual(await held(30, SMALL), { held: 30 });
  assert.equal(await exceeded(100, SMALL), OF_SMALL);
  assert.deepEqual(await held(60), { held: 60 });
  assert.equal(await exceeded(150), OF_SERVER);
  assert.deepEqual(await held(150, LARGE), { held: 150 });
}

const step = sandboxSuite("limits of single invocations", MAXIMA);

step("an invocation has its own limits of memory and processor time", async (sandboxes) => {
  await keepsMemory(sandboxes);
  assert.equal(await failure(sandboxes, LEAK, SMALL), OF_SMALL);
  assert.equal(
    await failure(sandboxes, SPIN, { cpuTimeMs: 1000 }),
    "CPU_LIMIT: the function used up its limit of 1 s of processor time (cpuTimeout of the function)",
  );
});

step("so has an invocation that starts from a template", async (sandboxes) => {
  sandboxes.provision([{ key: BUFFERS, script: scriptOf(BUFFERS), count: 2 }]);
  await fromTemplate(sandboxes, BUFFERS, { input: { mib: 1 } });
  await keepsMemory(sandboxes);
  assert.equal(await failure(sandboxes, SPIN, { cpuTimeMs: 1000 }).then(codeOf), "CPU_LIMIT");
});

step("so has an invocation that spawns a process", async (sandboxes) => {
  const functionKey = "crashes";
  for (let n = 0; n < CRASHES_MAX; n++) await failure(sandboxes, CRASH, { functionKey });
  const { process } = await run(sandboxes, "const main = () => ({});", { functionKey });
  assert.equal(process, "single");
  await keepsMemory(sandboxes, { functionKey });
});

step(
  "invocations with different limits share no process",
  async (sandboxes) => {
    const body = "let calls = 0; const main = () => ({ calls: ++calls });";
    const reuseKey = "reused";
    // On a busy machine an event loop may be empty too late; the next invocation has a new process then.
    await eventually(async () => {
      const { calls } = await output(sandboxes, body, { reuseKey, ...SMALL });
      return calls === 2 || undefined;
    }, "a second invocation of a process");
    assert.deepEqual(await output(sandboxes, body, { reuseKey }), { calls: 1 });
    assert.equal(
      await failure(sandboxes, LEAK, { reuseKey, ...SMALL }).then(codeOf),
      "OUT_OF_MEMORY",
    );
  },
  ["bubblewrap"],
);

function codeOf(message: string): string {
  return message.split(":", 1)[0] ?? "";
}
