/**
 * Runs the real server, or a real cluster, under mixed load with faults, and checks the whole history.
 *
 *     deno task faults [--cluster [--nats 1|3] [--plain]] [--minutes 2] [OPTIONS]
 *     deno task faults --parts [--nats 1|3] [--plain] [OPTIONS]
 *
 * OPTIONS: [--within SECONDS] [--seed N|random] [--fault TEXT] [--logs DIR]
 *
 * The first form injects faults in random order. A seed repeats the order of faults and invocations, not their timing.
 * `--parts` stops and kills each part of a cluster alone and in pairs, each fault once; `--within` also fails if no
 * invocation succeeds for longer. `--fault` injects the fault of this name, or all faults whose names have the text.
 * `--nats` sets the number of NATS servers of a cluster, and `--plain` connects without TLS. Ends with exit code 1 for a
 * broken promise.
 */
import { parseArgs } from "node:util";
import { violationsOf } from "./checker.ts";
import { runCluster, runParts } from "./cluster/run.ts";
import type { ClusterOptions, Report } from "./history.ts";
import { runSingle } from "./single.ts";
import { faultTable, lateSuccesses } from "./table.ts";

const MS_PER_MINUTE = 60_000;
/** Violations that are printed. */
const PRINTED_MAX = 20;

const { values } = parseArgs({
  options: {
    cluster: { type: "boolean", default: false },
    parts: { type: "boolean", default: false },
    nats: { type: "string", default: "1" },
    plain: { type: "boolean", default: false },
    minutes: { type: "string", default: "2" },
    within: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    fault: { type: "string", default: "" },
    logs: { type: "string" },
  },
});
const [minutes, within, seed] = [
  Number(values.minutes),
  Number(values.within),
  values.seed === "random" ? Date.now() % 1_000_000 : Number(values.seed),
];
const cluster = clusterOptions();
if (!(minutes > 0) || !(within > 0) || !Number.isInteger(seed)) {
  fail("--minutes and --within take a positive number, and --seed a whole one");
}

const start = performance.now();
console.log(`seed ${seed}, ${values.parts ? "each part" : `${minutes} minutes of faults`}`);
const run = values.parts ? runParts : values.cluster ? runCluster : runSingle;
const report = await run({
  seed,
  deadline: () => performance.now() + minutes * MS_PER_MINUTE,
  fault: values.fault,
  cluster,
  logs: values.logs,
});
Deno.exit(print(report) ? 0 : 1);

function clusterOptions(): ClusterOptions {
  const { nats, plain } = values;
  if (nats !== "1" && nats !== "3") fail(`--nats ${nats} must be 1 or 3`);
  if ((nats === "3" || plain) && !values.cluster && !values.parts) {
    fail("--nats and --plain need --cluster or --parts");
  }
  return { natsServers: nats === "3" ? 3 : 1, tls: !plain };
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** False for a broken promise. */
function print({ history, faults, notes, ...more }: Report): boolean {
  const late = lateSuccesses(faults, history, within);
  const violations = [...violationsOf(history), ...late, ...more.violations];
  const { invocations, records } = history;
  const successful = records.filter(({ status }) => status === "SUCCESS").length;
  console.log(faultTable(faults, history));
  console.log(
    `${invocations.length} calls, ${records.length} recorded, ${successful} succeeded, ` +
      `${history.counter} counted`,
  );
  for (const note of notes) console.log(note);
  for (const violation of violations.slice(0, PRINTED_MAX)) console.log(`VIOLATION: ${violation}`);
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(
    violations.length === 0
      ? `ok | 1 passed | 0 failed (${seconds} s)`
      : `FAILED | 0 passed | 1 failed (${seconds} s); repeat with ${repeatCommand()}`,
  );
  return violations.length === 0;
}

/** The command with all flags of this run. */
function repeatCommand(): string {
  const { parts, fault, logs } = values;
  const flags = [
    ...parts ? ["--parts"] : values.cluster ? ["--cluster"] : [],
    ...cluster.natsServers === 1 ? [] : [`--nats ${cluster.natsServers}`],
    ...cluster.tls ? [] : ["--plain"],
    ...parts ? [] : [`--minutes ${minutes}`],
    ...within === Infinity ? [] : [`--within ${within}`],
    `--seed ${seed}`,
    ...fault === "" ? [] : [`--fault ${JSON.stringify(fault)}`],
    ...logs === undefined ? [] : [`--logs ${JSON.stringify(logs)}`],
  ];
  return ["deno task faults", ...flags].join(" ");
}
