/** A server to be killed: has idle and running instances, and prints once they run. */
import { AVAILABLE_MODES, poolOf, run } from "./harness.ts";

const [cacheDir, name, cpuTimeMs] = Deno.args;
const mode = AVAILABLE_MODES.find((mode) => mode === name);
if (cacheDir === undefined || mode === undefined) {
  throw new Error("Cannot start: a cache directory and an available mode are needed");
}
const sandboxes = poolOf(mode, cacheDir, { timeoutMs: 60_000, cpuTimeMs: Number(cpuTimeMs) });
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
