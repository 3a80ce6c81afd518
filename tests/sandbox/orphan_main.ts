/** A server that is about to be killed: holds idle and running sandboxes and prints when they run. */
import { poolOf, run, STANDING } from "./harness.ts";

const [cacheDir, name, cpuTimeMs] = Deno.args;
const mode = STANDING.find((standing) => standing === name);
if (cacheDir === undefined || mode === undefined) {
  throw new Error("Cannot start: a cache directory and a mode that stands are needed");
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
