/** One server under faults. */
import { makeTempDir } from "../support/invoked.ts";
import { random } from "../support/seed.ts";
import { BARRIER_FLAGS } from "../volumes/barrier.ts";
import { CLOCK_FAULT, FAULTS } from "./faults.ts";
import { injectFaults } from "./injection.ts";
import { Load } from "./load.ts";
import type { Report, RunOptions } from "./history.ts";
import { Target } from "./target.ts";
import { Witness } from "./witness.ts";

/** The queue is short, so that its invocations have ended soon after the last fault. */
const FLAGS = [
  ...BARRIER_FLAGS,
  ...["--max-running", "4", "--pool-size", "4", "--max-queued", "20"],
];

/** Runs it until the deadline, and reads what it has in the end. */
export async function runSingle({ seed, fault, deadline }: RunOptions): Promise<Report> {
  await using directory = await makeTempDir();
  await using witness = new Witness();
  await using target = await Target.start(directory.path, FLAGS);
  const load = await Load.start(target, witness, seed);
  const damage: string[] = [];
  const { [CLOCK_FAULT]: _, ...withoutClock } = FAULTS;
  if (target.clock === undefined) console.log(`not tested: ${CLOCK_FAULT} needs libfaketime`);
  const faults = await injectFaults(
    target.clock === undefined ? withoutClock : FAULTS,
    {
      target,
      dataDir: directory.path,
      ids: load.ids,
      fault,
      next: random(seed),
      report: (found) => damage.push(...found),
    },
    () => target.ready(),
    deadline(),
  );
  await target.shim.set();
  await target.ready();
  const history = await load.finish();
  const notes = [`${target.starts} starts of the server`];
  const violations = [...target.unexplained, ...damage];
  return { history, faults, violations, notes };
}
