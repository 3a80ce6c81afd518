import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import { quietSuite } from "../support/suite.ts";

const MIB = 1024 * 1024;
/** How many responses the server holds at the same time, which makes its memory grow by far more than it keeps. */
const RESPONSES = 200;
const RETURNED_MIN_BYTES = 24 * MIB;

quietSuite("a server returns memory to the operating system while it rests", {
  async "after many requests at the same time"({ server }) {
    const document = new URL("/openapi.json", server.url);
    await Promise.all(Array.from({ length: RESPONSES }, async () => {
      const response = await fetch(document);
      assert.equal(response.status, 200);
      await response.bytes();
    }));
    const peak = await residentBytes(server.pid);
    await eventually(
      async () => await residentBytes(server.pid) < peak - RETURNED_MIN_BYTES ? true : undefined,
      "less memory than after the requests",
    );
  },
});

Deno.test("a process without Deno's handler of the signal outlives it", async () => {
  const module = new URL("../../src/shared/memory_trim.ts", import.meta.url);
  const script = `
    const { MemoryTrim } = await import(${JSON.stringify(module)});
    const kill = Deno.kill;
    Deno.kill = (pid, signal) => {
      kill(pid, signal);
      setTimeout(() => { console.log(signal); Deno.exit(); }, 100);
    };
    new MemoryTrim(1000, 10);
    setInterval(() => {}, 1000);`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", fileURLToPath(new URL("../../deno.json", import.meta.url)), script],
    clearEnv: true,
  }).output();
  const text = new TextDecoder();
  assert.deepEqual([code, text.decode(stdout).trim()], [0, "SIGUSR2"], text.decode(stderr));
});

/** The resident memory of a process. */
async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
