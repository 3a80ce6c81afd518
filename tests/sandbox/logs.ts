/** What an invocation prints. */
import assert from "node:assert/strict";
import type { SandboxLog } from "../../src/sandbox/mod.ts";
import { LogSink } from "../../src/sandbox/instance/logs.ts";
import { RunOutput } from "../../src/sandbox/instance/output_readers.ts";
import { Redactions, Redactor } from "../../src/sandbox/instance/redaction.ts";
import { LIMITS, run, sandboxTest } from "./harness.ts";
import { step } from "./shared_pool.ts";

const shown = (logs: readonly SandboxLog[]) =>
  logs.map(({ source, level, message }) => `${source} ${level} ${message}`);

step(
  "console keeps levels, raw writes become lines, all before the outcome",
  async (sandboxes) => {
    const { outcome, logs } = await run(
      sandboxes,
      `async function main() {
      console.debug("d"); console.log("l", { a: [1] }); console.info("i"); console.warn("w\\nw2"); console.error("e");
      Deno.stdout.writeSync(new TextEncoder().encode("one\\ntwo\\r\\n\\nhal"));
      Deno.stdout.writeSync(new TextEncoder().encode("f é"));
      return {};
    }`,
    );
    assert.equal(outcome.kind, "success");
    assert.deepEqual(shown(logs), [
      "console debug d",
      "console info l { a: [ 1 ] }",
      "console info i",
      "console warn w\nw2",
      "console error e",
      "stdout info one",
      "stdout info two",
      "stdout info ",
      "stdout info half é",
    ]);
    const raw = await run(
      sandboxes,
      `async function main() { Deno.stderr.writeSync(new TextEncoder().encode("err")); throw 1; }`,
    );
    assert.deepEqual(shown(raw.logs), ["stderr error err"]);
  },
);

Deno.test("of many lines at once few are read in one turn of the event loop, in their order", async () => {
  const logs: SandboxLog[] = [];
  const redactor = new Redactor(new Redactions([], []));
  const sink = new LogSink(
    LIMITS.logBytes,
    redactor,
    () => Promise.reject(new Error("no line has a position")),
    (log) => logs.push(log),
  );
  const output = new RunOutput(
    new Uint8Array(24).fill(0xff),
    { beginsWithMark: false, mustAccept: false },
    LIMITS,
    {
      sink,
      redactor,
      openChannel: () => {
        throw new Error("no host call is made");
      },
      end() {},
    },
  );
  const lines = Array.from({ length: 1000 }, (_, index) => String(index));
  const chunk = new TextEncoder().encode(`${lines.join("\n")}\n`);
  const read = output.read("stdout", chunk);
  assert.ok(logs.length > 0 && logs.length <= 64, String(logs.length));
  // The bytes belong to the next read of the pipe.
  chunk.fill(0);
  await read;
  assert.deepEqual(logs.map(({ message }) => message), lines);
});

step("a flood is cut after one mark and ends with the invocation", async (sandboxes) => {
  const floods = [
    "const s = 'x'.repeat(1e5); for (;;) console.log(s);",
    "for (;;) console.log('');",
    "const b = new Uint8Array(1e6).fill(65); for (;;) Deno.stdout.writeSync(b);",
    "const b = new Uint8Array(1e6).fill(255); for (;;) Deno.stdout.writeSync(b);",
    "const b = new Uint8Array(1e6).fill(10); for (;;) Deno.stderr.writeSync(b);",
  ];
  for (const flood of floods) {
    const stop = new AbortController();
    const { outcome, logs } = await run(sandboxes, `function main() { ${flood} }`, {
      signal: stop.signal,
      onLog: ({ source }) => {
        if (source === "system") stop.abort("CANCELLED");
      },
    });
    assert.equal(outcome.kind === "error" && outcome.code, "CANCELLED", flood);
    const marks = logs.filter(({ source }) => source === "system");
    assert.deepEqual(marks.map(({ message, level }) => `${level} ${message}`), [
      "warn log truncated: limit of 32 KiB reached (--max-log)",
    ], flood);
    assert.equal(logs.at(-1)?.source, "system", flood);
    const bytes = logs.slice(0, -1).reduce((sum, { message }) => sum + message.length, 0);
    assert.ok(bytes <= LIMITS.logBytes, flood);
  }
});

step("an answer after a full log is still delivered", async (sandboxes) => {
  const { outcome, logs } = await run(
    sandboxes,
    `function main() {
      for (let i = 0; i < 2000; i++) Deno.stdout.writeSync(new TextEncoder().encode("y".repeat(1000)));
      console.log("dropped");
      return { done: true };
    }`,
  );
  assert.deepEqual(outcome, { kind: "success", outputJson: '{"done":true}' });
  assert.equal(logs.filter(({ source }) => source === "system").length, 1);
});

sandboxTest("a long line is split between characters", async (sandboxes) => {
  const { logs } = await run(
    sandboxes,
    `function main() { console.log("é".repeat(50000)); return {}; }`,
  );
  assert.ok(logs.length > 1);
  assert.equal(logs.map(({ message }) => message).join(""), "é".repeat(50_000));
}, { logBytes: 1_000_000 });
