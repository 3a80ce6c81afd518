/** A server that is about to be killed: holds idle and running sandboxes and prints when they run. */
import { createSandboxes } from "../../src/sandbox/mod.ts";
import { EGRESS, LIMITS, run } from "./harness.ts";

const cacheDir = Deno.args[0];
if (cacheDir === undefined) throw new Error("Cannot start: no cache directory was given");
const sandboxes = createSandboxes({ ...LIMITS, timeoutMs: 60_000 }, { cacheDir, egress: EGRESS });
await sandboxes.start();
const bodies = [
  "function main() { console.log('up'); for (;;); }",
  "function main() { console.log('up'); setInterval(() => {}, 9); return new Promise(() => {}); }",
];
let up = 0;
const onLog = () => {
  up++;
  if (up === bodies.length) console.log("up");
};
await Promise.all(bodies.map((body) => run(sandboxes, body, { timeoutMs: 60_000, onLog })));
