/**
 * Runs the real server under mixed load with faults in random order, and checks the whole history.
 *
 *     deno task faults [--minutes 2] [--seed N]
 *
 * A seed repeats the order of faults and calls, not their timing. Ends with exit code 1 for a broken promise.
 */
import { parseArgs } from "node:util";
import { makeTempDir } from "../support/invoked.ts";
import { random } from "../support/seed.ts";
import { BARRIER_FLAGS } from "../volumes/barrier.ts";
import { violationsOf } from "./checker.ts";
import { CLOCK_FAULT, type FaultContext, FAULTS } from "./faults.ts";
import { Load, pause } from "./load.ts";
import { Target } from "./target.ts";
import { Witness } from "./witness.ts";

const MS_PER_MINUTE = 60_000;
/** Pause between two faults, at most. */
const PAUSE_MS_MAX = 1_000;
/** Violations that are printed. */
const PRINTED_MAX = 20;
/** The queue is short, so that its calls have ended soon after the last fault. */
const FLAGS = [
  ...BARRIER_FLAGS,
  ...["--max-running", "4", "--pool-size", "4", "--max-queued", "20"],
];

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error("error: --minutes takes a positive number, and --seed a whole one");
  Deno.exit(2);
}

const start = performance.now();
console.log(`seed ${seed}, ${minutes} minutes`);
const violations = await run();
for (const violation of violations.slice(0, PRINTED_MAX)) console.log(`VIOLATION: ${violation}`);
const seconds = Math.round((performance.now() - start) / 1000);
console.log(
  violations.length === 0
    ? `ok | 1 passed | 0 failed (${seconds} s)`
    : `FAILED | 0 passed | 1 failed (${seconds} s); repeat with --seed ${seed}`,
);
Deno.exit(violations.length === 0 ? 0 : 1);

async function run(): Promise<string[]> {
  await using directory = await makeTempDir();
  await using witness = new Witness();
  await using target = await Target.start(directory.path, FLAGS);
  const load = await Load.start(target, witness, seed);
  const damage: string[] = [];
  const counts = await injectFaults({
    target,
    dataDir: directory.path,
    ids: load.ids,
    next: random(seed),
    report: (found) => damage.push(...found),
  });
  await target.shim.set();
  await target.ready();
  const history = await load.finish();
  for (const [name, count] of [...counts].toSorted()) console.log(`${count} times ${name}`);
  const { calls, records } = history;
  const acknowledged = calls.filter((call) => call.acknowledged !== undefined).length;
  const successes = records.filter(({ status }) => status === "SUCCESS").length;
  console.log(
    `${calls.length} calls, ${acknowledged} acknowledged, ${records.length} recorded, ` +
      `${successes} succeeded, ${history.counter} counted; ${target.starts} starts`,
  );
  return [...violationsOf(history), ...target.unexplained, ...damage];
}

/** Injects one fault after another until the time is over, each once before any again; answers how often each. */
async function injectFaults(context: FaultContext): Promise<Map<string, number>> {
  const { next, target } = context;
  const names = Object.keys(FAULTS).filter((name) =>
    name !== CLOCK_FAULT || target.clock !== undefined
  );
  if (target.clock === undefined) console.log(`not tested: ${CLOCK_FAULT} needs libfaketime`);
  const counts = new Map<string, number>();
  const left: string[] = [];
  while (performance.now() - start < minutes * MS_PER_MINUTE) {
    if (left.length === 0) left.push(...names);
    const [name = ""] = left.splice(next(left.length), 1);
    await FAULTS[name]?.(context);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    await target.ready();
    await pause(next(PAUSE_MS_MAX));
  }
  return counts;
}
