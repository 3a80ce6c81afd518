import assert from "node:assert/strict";
import { createSandboxes } from "../../src/sandbox/mod.ts";
import { allGone } from "../support/processes.ts";
import { failure, LIMITS, output, run, sandboxPids, sandboxTest } from "./harness.ts";

/** Registers a test that looks at processes through procfs. */
function linuxTest(name: string, body: () => Promise<void>): void {
  if (Deno.build.os === "linux") Deno.test(name, body);
}

sandboxTest("every call starts from nothing in a process of its own", async (sandboxes) => {
  const body = `let n = 0; globalThis.seen = (globalThis.seen ?? 0) + 1; Array.prototype.at = 1;
    const main = () => ({ n: ++n, seen: globalThis.seen, pid: Deno.pid });`;
  const pids = new Set<unknown>();
  for (let call = 0; call < 6; call++) {
    const { n, seen, pid } = await output(sandboxes, body);
    assert.deepEqual([n, seen], [1, 1]);
    pids.add(pid);
  }
  const together = await Promise.all(Array.from({ length: 4 }, () => output(sandboxes, body)));
  for (const { n, pid } of together) {
    assert.equal(n, 1);
    pids.add(pid);
  }
  assert.equal(pids.size, 10);
});

linuxTest("the process does not outlive its call, whatever its outcome", async () => {
  const cacheDir = await Deno.makeTempDir();
  const seen = new Set<number>();
  {
    await using sandboxes = createSandboxes({ ...LIMITS, poolSize: 0 }, { cacheDir });
    const bodies = [
      "const main = () => ({});",
      "function main() { throw 1; }",
      "function main() { for (;;); }",
      "function main() { setInterval(() => {}, 1); return { a: 1 }; }",
      "function main() { Deno.exit(1); }",
      "function main() { return 1; }",
    ];
    for (const body of bodies) {
      const { logs } = await run(sandboxes, `console.log(Deno.pid);\n${body}`, {
        timeoutMs: 300,
      });
      const pid = Number(logs[0]?.message);
      assert.ok(pid > 1, body);
      seen.add(pid);
      await allGone([pid]);
    }
  }
  assert.equal(seen.size, 6);
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("disposal ends what is idle and what runs, and waits for it", async () => {
  const cacheDir = await Deno.makeTempDir();
  const sandboxes = createSandboxes(LIMITS, { cacheDir });
  await sandboxes.start();
  const { promise: up, resolve } = Promise.withResolvers<void>();
  const told = failure(sandboxes, "function main() { console.log('up'); for (;;); }", {
    onLog: () => resolve(),
  });
  await up;
  assert.equal(sandboxes.stats.running, 1);
  await sandboxes[Symbol.asyncDispose]();
  assert.deepEqual(await sandboxPids(cacheDir), []);
  assert.match(await told, /^INTERRUPTED: /);
  assert.deepEqual(sandboxes.stats, { ready: 0, running: 0 });
  assert.match(await failure(sandboxes, "const main = () => ({});"), /^INTERRUPTED: /);
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("an idle process that dies is replaced", async () => {
  const cacheDir = await Deno.makeTempDir();
  {
    await using sandboxes = createSandboxes(LIMITS, { cacheDir });
    await sandboxes.start();
    const idle = await sandboxPids(cacheDir);
    assert.ok(idle.length > 0);
    for (const pid of idle) Deno.kill(pid, "SIGKILL");
    await allGone(idle);
    assert.deepEqual(await output(sandboxes, "const main = () => ({ ok: 1 });"), { ok: 1 });
  }
  await Deno.remove(cacheDir, { recursive: true });
});

Deno.test("a pool that cannot start says why", async () => {
  const cacheDir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${cacheDir}/sandbox`, "in the way");
  await using sandboxes = createSandboxes(LIMITS, { cacheDir });
  await assert.rejects(sandboxes.start());
  await Deno.remove(cacheDir, { recursive: true });
});

linuxTest("a killed server leaves no process behind", async () => {
  const cacheDir = await Deno.makeTempDir();
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("orphan_main.ts", import.meta.url).pathname, cacheDir],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value).trim(), "up");
  const pids = await sandboxPids(cacheDir);
  assert.ok(pids.length >= 2);
  server.kill("SIGKILL");
  await server.status;
  await reader.cancel();
  await allGone(pids);
  await Deno.remove(cacheDir, { recursive: true });
});
