/**
 * Runs the real server, or a real cluster, under mixed load with faults in random order, and checks the whole history.
 *
 *     deno task faults [--cluster] [--minutes 2] [--seed N|random] [--fault TEXT] [--logs DIR]
 *
 * A seed repeats the order of faults and invocations, not their timing. `--fault` injects the faults whose names have
 * the text.
 * Ends with exit code 1 for a broken promise.
 */
import { parseArgs } from "node:util";
import { violationsOf } from "./checker.ts";
import { runCluster } from "./cluster/run.ts";
import type { Report } from "./history.ts";
import { runSingle } from "./single.ts";
import { faultTable } from "./table.ts";

const MS_PER_MINUTE = 60_000;
/** Violations that are printed. */
const PRINTED_MAX = 20;

const { values } = parseArgs({
  options: {
    cluster: { type: "boolean", default: false },
    minutes: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    fault: { type: "string", default: "" },
    logs: { type: "string" },
  },
});
const [minutes, seed] = [
  Number(values.minutes),
  values.seed === "random" ? Date.now() % 1_000_000 : Number(values.seed),
];
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error("error: --minutes takes a positive number, and --seed a whole one");
  Deno.exit(2);
}

const start = performance.now();
console.log(`seed ${seed}, ${minutes} minutes of faults`);
const run = values.cluster ? runCluster : runSingle;
const report = await run({
  seed,
  deadline: () => performance.now() + minutes * MS_PER_MINUTE,
  fault: values.fault,
  logs: values.logs,
});
Deno.exit(print(report) ? 0 : 1);

/** False for a broken promise. */
function print({ history, faults, notes, ...more }: Report): boolean {
  const violations = [...violationsOf(history), ...more.violations];
  const { invocations, records } = history;
  const successes = records.filter(({ status }) => status === "SUCCESS").length;
  console.log(faultTable(faults, history));
  console.log(
    `${invocations.length} calls, ${records.length} recorded, ${successes} succeeded, ` +
      `${history.counter} counted`,
  );
  for (const note of notes) console.log(note);
  for (const violation of violations.slice(0, PRINTED_MAX)) console.log(`VIOLATION: ${violation}`);
  const seconds = Math.round((performance.now() - start) / 1000);
  const command = `deno task faults ${values.cluster ? "--cluster " : ""}--seed ${seed}`;
  console.log(
    violations.length === 0
      ? `ok | 1 passed | 0 failed (${seconds} s)`
      : `FAILED | 0 passed | 1 failed (${seconds} s); repeat with ${command}`,
  );
  return violations.length === 0;
}
