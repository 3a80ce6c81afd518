import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import type { Mode } from "../../src/sandbox/mod.ts";
import {
  AVAILABLE_MODES,
  errorOf,
  failure,
  makeCacheDir,
  output,
  poolOf,
  poolPids,
  run,
  sandboxTest,
  scriptOf,
  started,
  treePids,
} from "./harness.ts";

/** Limits of processor time, in milliseconds, that identify the processes of these tests. */
const MARKS = { outlive: 101_000, dispose: 103_000, replace: 105_000, orphan: 107_000 };

/** Resolves once all processes with this limit have ended. */
async function allEnded(cpuTimeMs: number): Promise<void> {
  await eventually(
    () => poolPids(cpuTimeMs).length === 0 || undefined,
    "the end of all processes",
  );
}

/** Registers a test that needs procfs, for every mode. */
function linuxTest(name: string, body: (mode: Mode) => Promise<void>): void {
  if (Deno.build.os !== "linux") return;
  for (const mode of AVAILABLE_MODES) Deno.test(`${mode}: ${name}`, () => body(mode));
}

sandboxTest(
  "every invocation gets a new process without any state",
  async (sandboxes) => {
    const body = `let n = 0; globalThis.seen = (globalThis.seen ?? 0) + 1; Array.prototype.at = 1;
    const main = () => ({ n: ++n, seen: globalThis.seen, pid: Deno.pid });`;
    const first = { n: 1, seen: 1, pid: 1 };
    for (let n = 0; n < 6; n++) assert.deepEqual(await output(sandboxes, body), first);
    const together = await Promise.all(Array.from({ length: 4 }, () => output(sandboxes, body)));
    for (const answer of together) assert.deepEqual(answer, first);
  },
);

/** Ends the body of an invocation that is inspected while it runs. */
const SEEN = "seen";

linuxTest("the process ends with its invocation, whatever the outcome", async (mode) => {
  const cacheDir = await makeCacheDir();
  {
    await using sandboxes = poolOf(mode, cacheDir, { poolSize: 1, cpuTimeMs: MARKS.outlive });
    await sandboxes.start();
    const bodies = [
      "const main = () => ({});",
      "function main() { throw 1; }",
      "function main() { for (;;); }",
      `function main() { for (;;); } // ${SEEN}`,
      "function main() { setInterval(() => {}, 1); return { a: 1 }; }",
      "function main() { Deno.exit(1); }",
      "function main() { return 1; }",
    ];
    for (const body of bodies) {
      const waiting = await eventually(() => {
        const pids = poolPids(MARKS.outlive);
        return pids.length === sandboxes.stats.ready && pids.length > 0 ? pids : undefined;
      });
      let seen: readonly number[] | undefined;
      const stop = new AbortController();
      const onLog = () => {
        seen ??= poolPids(MARKS.outlive);
        stop.abort("CANCELLED");
      };
      const options = body.endsWith(SEEN) ? { onLog, signal: stop.signal } : { timeoutMs: 300 };
      await run(sandboxes, `console.log(1);\n${body}`, options);
      if (body.endsWith(SEEN)) assert.ok(seen?.some((pid) => waiting.includes(pid)));
      await eventually(() => {
        const pids = poolPids(MARKS.outlive);
        return waiting.some((pid) => !pids.includes(pid)) || undefined;
      });
    }
  }
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("disposal kills idle and running instances and waits for their ends", async (mode) => {
  const cacheDir = await makeCacheDir();
  const sandboxes = poolOf(mode, cacheDir, { cpuTimeMs: MARKS.dispose });
  await sandboxes.start();
  const { ended } = await started(sandboxes, "function main() { console.log('up'); for (;;); }");
  assert.equal(sandboxes.stats.running, 1);
  assert.notDeepEqual(poolPids(MARKS.dispose), []);
  await sandboxes[Symbol.asyncDispose]();
  await allEnded(MARKS.dispose);
  assert.match(errorOf(await ended), /^INTERRUPTED: /);
  const { ready, running, codeCaches } = sandboxes.stats;
  assert.deepEqual({ ready, running, codeCaches }, { ready: 0, running: 0, codeCaches: 0 });
  assert.match(await failure(sandboxes, "const main = () => ({});"), /^INTERRUPTED: /);
  await Deno.remove(cacheDir, { recursive: true });
});

const LINUX_MODES = Deno.build.os === "linux" ? AVAILABLE_MODES : [];

sandboxTest(
  "an idle instance that dies is replaced",
  async (sandboxes) => {
    const killed = await eventually(() => {
      const pids = poolPids(MARKS.replace);
      return pids.length > 0 ? pids : undefined;
    });
    for (const pid of killed) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended with its wrapper.
      }
    }
    // Once they are reaped the pool knows of their ends.
    const exists = (pid: number) => Deno.stat(`/proc/${pid}`).then(() => true, () => false);
    await eventually(
      async () => (await Promise.all(killed.map(exists))).includes(true) ? undefined : true,
      "the end of all that were killed",
    );
    assert.deepEqual(await output(sandboxes, "const main = () => ({ ok: 1 });"), { ok: 1 });
  },
  { cpuTimeMs: MARKS.replace },
  LINUX_MODES,
);

linuxTest("a pool that cannot start rejects", async (mode) => {
  const cacheDir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${cacheDir}/sandbox`, "in the way");
  await using sandboxes = poolOf(mode, `${cacheDir}/sandbox`);
  await assert.rejects(sandboxes.start());
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("a killed server leaves no process behind", async (mode) => {
  const cacheDir = await makeCacheDir();
  const server = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("orphan_main.ts", import.meta.url).pathname,
      cacheDir,
      mode,
      `${MARKS.orphan}`,
    ],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value).trim(), "up");
  assert.ok(poolPids(MARKS.orphan).length >= 2);
  assert.ok((await treePids(cacheDir)).length >= 4, "a zygote, two templates and their instances");
  server.kill("SIGKILL");
  await server.status;
  await reader.cancel();
  await allEnded(MARKS.orphan);
  await eventually(async () => (await treePids(cacheDir)).length === 0 || undefined);
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("without forks as many more instances wait as are provisioned", async () => {
  const cacheDir = await makeCacheDir();
  {
    await using sandboxes = poolOf("process", cacheDir, { poolSize: 1 }, { searchPath: "" });
    const body = "const main = () => ({ ok: 1 });";
    const provision = (count: number) =>
      sandboxes.provision([{ key: body, script: scriptOf(body), count }]);
    const ready = (count: number) =>
      eventually(() => Promise.resolve(sandboxes.stats.ready === count || undefined));
    provision(1);
    await sandboxes.start();
    await ready(2);
    provision(3);
    await ready(4);
    assert.equal((await run(sandboxes, body)).process, "single");
    await ready(4);
    sandboxes.provision([]);
    assert.equal((await run(sandboxes, body)).process, "single");
    assert.equal(sandboxes.stats.ready, 3);
  }
  await Deno.remove(cacheDir, { recursive: true });
});
