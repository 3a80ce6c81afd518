/** A process that ends with the one that started it: the server reports its own error, not that of the function. */
import assert from "node:assert/strict";
import { outcomeOf } from "../../src/sandbox/instance/outcome.ts";
import { type Exit, runLimits } from "../../src/sandbox/instance/process.ts";
import { Redactions, Redactor } from "../../src/sandbox/instance/redaction.ts";
import { Crashes, CRASHES_MAX } from "../../src/sandbox/pool/availability.ts";
import { StackMap } from "../../src/shared/stack.ts";
import { BreakableStarts } from "../support/breakable_starts.ts";
import { eventually } from "../support/eventually.ts";
import { descendantsOf, signalUnlessEnded } from "../support/processes.ts";
import {
  AVAILABLE_MODES,
  failure,
  LIMITS,
  makeCacheDir,
  poolOf,
  poolPids,
  started,
} from "./harness.ts";

const KILLED = { code: 137, signal: "SIGKILL" } as const;
/** Identifies the processes of this test. */
const MARK_MS = 119_000;
const HANG =
  `function main() { console.log("up"); return new Promise(() => setInterval(() => {}, 9)); }`;

/** The error of an invocation whose process ended with this exit. */
async function errorOf(exit: Exit): Promise<string> {
  const outcome = await outcomeOf({ kind: "exited", ...exit, stderr: "" }, {
    stackMap: () => StackMap.open(() => Promise.reject(new Error("no source map"))),
    limits: runLimits({}, LIMITS),
    redactor: new Redactor(new Redactions([])),
    earlierInvocations: 0,
  });
  return outcome.kind === "error" ? `${outcome.code}: ${outcome.message}` : outcome.kind;
}

Deno.test("only what the function cannot cause interrupts an invocation", async () => {
  assert.match(await errorOf({ ...KILLED, lost: "zygote" }), /^INTERRUPTED: the zygote of /);
  assert.match(await errorOf({ ...KILLED, lost: "template" }), /^INTERRUPTED: the template of /);
  assert.match(await errorOf({ ...KILLED, lost: "wrapper" }), /^INTERRUPTED: the wrapper of /);
  assert.match(await errorOf({ ...KILLED, lost: "script" }), /^EXITED: .* SIGKILL$/);
  assert.match(await errorOf(KILLED), /^EXITED: .* SIGKILL$/);
});

Deno.test("the limit of processor time is reported if the time was measured", async () => {
  const { cpuTimeMs } = LIMITS;
  assert.match(await errorOf({ ...KILLED, cpuMs: cpuTimeMs }), /^CPU_LIMIT: /);
  assert.match(await errorOf({ ...KILLED, cpuMs: 1 }), /^EXITED: /);
  assert.match(await errorOf({ ...KILLED, cpuMs: cpuTimeMs, lost: "zygote" }), /^INTERRUPTED: /);
});

Deno.test("the end of its template counts as a crash of a function, that of the zygote does not", async () => {
  for (
    const [lost, expected] of [["template", true], ["script", true], ["zygote", false]] as const
  ) {
    const crashes = new Crashes();
    for (let n = 0; n < CRASHES_MAX; n++) {
      await crashes.watch("f", Promise.resolve({ ...KILLED, lost }));
    }
    assert.equal(crashes.areFrequent("f"), expected, lost);
  }
});

if (AVAILABLE_MODES.includes("bubblewrap")) {
  Deno.test("bubblewrap: an invocation whose wrapper is killed is interrupted", async () => {
    await using starts = await BreakableStarts.make();
    await starts.break("zygotes");
    const cacheDir = await makeCacheDir();
    {
      const limits = { cpuTimeMs: MARK_MS, poolSize: 1 };
      await using sandboxes = poolOf("bubblewrap", cacheDir, limits, { searchPath: starts.path });
      await sandboxes.start();
      const running = await started(sandboxes, HANG);
      // The wrappers of the invocation, and of the instance that waits.
      const wrappers = await eventually(() => {
        const pids = poolPids(MARK_MS).filter((pid) => descendantsOf(pid).length > 0);
        return pids.length > 0 ? pids : undefined;
      }, "wrappers");
      for (const pid of wrappers) signalUnlessEnded(pid, "SIGKILL");
      assert.deepEqual((await running.ended).outcome, {
        kind: "error",
        code: "INTERRUPTED",
        message: "the wrapper of its process ended while it ran; part of its code may have run",
      });
      const spin = "const main = () => { for (;;); };";
      assert.match(await failure(sandboxes, spin, { cpuTimeMs: 4_000 }), /^CPU_LIMIT: /);
    }
    await Deno.remove(cacheDir, { recursive: true });
  });
}
