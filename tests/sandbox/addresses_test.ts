/** No address of the layout that all forks of a zygote share is in a log: see `src/sandbox/instance/redaction.ts`. */
import assert from "node:assert/strict";
import { configure, reset } from "@logtape/logtape";
import { startError } from "../../src/sandbox/instance/spawned.ts";
import { eventually } from "../support/eventually.ts";
import { run, sandboxSuite, zygoteOf } from "./harness.ts";

/** Logs are long enough for all lines of a step. */
const step = sandboxSuite("addresses in logs", { logBytes: 1_000_000, cpuTimeMs: 60_000 });

step("the report of an out-of-memory crash has no address", async (sandboxes) => {
  const { outcome, logs, process } = await run(
    sandboxes,
    "const main = () => { const a = []; for (;;) a.push(new Array(5e5).fill(a.length + 0.5)); };",
  );
  assert.equal(process, "root");
  assert.equal(outcome.kind === "error" && outcome.code, "OUT_OF_MEMORY");
  const report = logs.map(({ source, message }) => `${source} ${message}`).join("\n");
  assert.match(report, /^stderr .*Last few GCs/m);
  // V8 names the process and the isolate, and the functions below by their offsets in the file of Deno.
  assert.match(report, /\[\d+:<address>\]/);
  assert.doesNotMatch(report.replaceAll(/\+0x[0-9a-f]+/g, ""), /0x[0-9a-f]{3}|[0-9a-f]{9}/i);
});

/** What is written to stderr, in one part or more, and the lines that the log has of it. */
const PRINTS: readonly (readonly [parts: readonly string[], lines: readonly string[]])[] = [
  [["[7:0x55d0c4a3b000] 172 ms\n"], ["[7:<address>] 172 ms"]],
  [["Isolate: 0X7FFC12345678.\n"], ["Isolate: <address>."]],
  [["pc=0x0000000000400000\n"], ["pc=<address>"]],
  [["received signal 11 SEGV_MAPERR 00007f12ab34cd56\n"], [
    "received signal 11 SEGV_MAPERR <address>",
  ]],
  [["7f12345a6000-7f12345b7000 r-xp\n"], ["<address>-<address> r-xp"]],
  [["free(): invalid pointer: 0x7f8a", "12345678 ***\n"], [
    "free(): invalid pointer: <address> ***",
  ]],
  [["at 0", "x7f8a12345678\nnext\n"], ["at <address>", "next"]],
  // At the longest line.
  ...[1, 2, 5, 13].map((before) =>
    [
      ["-".repeat(65_536 - before) + "0x7f8a12345678".slice(0, before)],
      ["0x7f8a12345678".slice(before) + " end\n"],
    ] as const
  ).map(([[first = ""], [rest = ""]]) =>
    [
      [first, rest],
      [first.replaceAll(/[^-]/g, ""), "<address> end"],
    ] as const
  ),
  // No addresses.
  [["deno(+0x3cbe83) code 0x1f5 4bf92f3577b34da6a3ce929d0e0e4736\n"], [
    "deno(+0x3cbe83) code 0x1f5 4bf92f3577b34da6a3ce929d0e0e4736",
  ]],
  [["123e4567-e89b-12d3-a456-42661417400a at 1732872129000\n"], [
    "123e4567-e89b-12d3-a456-42661417400a at 1732872129000",
  ]],
  [["memory allocation of 123456789012 bytes failed\n"], [
    "memory allocation of 123456789012 bytes failed",
  ]],
];

step(
  "addresses on stderr are masked, those that a function logs are not",
  async (sandboxes) => {
    const body = `const main = ({ parts }) => {
    for (const part of parts) {
      for (let rest = new TextEncoder().encode(part); rest.length > 0;) {
        rest = rest.subarray(Deno.stderr.writeSync(rest));
      }
    }
    console.log("0x7f8a12345678");
    Deno.stdout.writeSync(new TextEncoder().encode("7f8a1234abcd\\n"));
    return {};
  };`;
    for (const [parts, lines] of PRINTS) {
      const { logs } = await run(sandboxes, body, { input: { parts } });
      const of = (wanted: string) =>
        logs.filter(({ source }) => source === wanted).map(({ message }) => message);
      assert.deepEqual(of("stderr"), lines);
      assert.deepEqual([of("console"), of("stdout")], [["0x7f8a12345678"], ["7f8a1234abcd"]]);
    }
  },
);

step("a secret with an address in it stays masked as a whole", async (sandboxes) => {
  const key = "left-0x7f8a12345678-right";
  const { logs } = await run(
    sandboxes,
    `const main = () => { Deno.stderr.writeSync(new TextEncoder().encode(meta.invoked.secrets.key)); return {}; };`,
    { secrets: { key } },
  );
  assert.deepEqual(logs.map(({ message }) => message), ["***"]);
});

// Only root reaches the stderr of a process that is not dumpable.
if (Deno.uid() === 0) {
  step(
    "the log of the server has no address that a zygote printed",
    async (_sandboxes, _context, _mode, cacheDir) => {
      const logged: string[] = [];
      await configure({
        sinks: { kept: ({ message }) => logged.push(message.join("")) },
        loggers: [
          { category: ["invoked"], lowestLevel: "warning", sinks: ["kept"] },
          { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["kept"] },
        ],
      });
      try {
        const { zygote } = await zygoteOf(cacheDir);
        const stderr = await Deno.open(`/proc/${zygote}/fd/2`, { write: true });
        for (const part of ["Isolate 0x7f8a", "12345678 in ", "7f8a1234abcd\n"]) {
          await stderr.write(new TextEncoder().encode(part));
          await new Promise((done) => setTimeout(done, 20));
        }
        stderr.close();
        const line = await eventually(() =>
          Promise.resolve(logged.find((text) => text.includes("Isolate")))
        );
        assert.match(line, /^the zygote printed: "?Isolate <address> in <address>"?$/);
      } finally {
        await reset();
      }
    },
  );
}

Deno.test("the error of a process that does not start has no address", () => {
  const printed = new TextEncoder().encode("fatal: 0x7f8a12345678\n");
  assert.equal(
    startError("it ended", printed).message,
    "Failed to start an instance: it ended: fatal: <address>",
  );
});
