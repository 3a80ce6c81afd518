/** A cluster under faults. */
import { join } from "node:path";
import { random } from "../../support/seed.ts";
import type { History, InjectedFault, Report, RunOptions } from "../history.ts";
import { type Fault, injectFaults } from "../injection.ts";
import { Load } from "../load.ts";
import { Witness } from "../witness.ts";
import { CLOCK_FAULT, CLUSTER_FAULTS, type ClusterContext, DISK_FAULT } from "./faults.ts";
import type { OnLog } from "./member.ts";
import { Repeater } from "./repeater.ts";
import { Stage } from "./stage.ts";

const PROCESSES_AND_LINKS = / of (?:a worker|an API node|all workers)|link/;
/** From this length on some faults last longer than a lease. */
const LONG_RUN_MS = 90_000;
/** Ends of invocations besides SUCCESS: another writer of the volume was faster, or a host call reached no database. */
const ERRORS =
  /^(?:INTERRUPTED: (?!.* is missing)|(?:CANCELLED|VFS_CONFLICT): |UNCAUGHT: Error: vfs\.\w+ failed)/;

/** Runs it until the deadline, and reads what it has in the end. */
export async function runCluster({ seed, fault, deadline, logs }: RunOptions): Promise<Report> {
  await using witness = new Witness();
  const isLong = deadline() - performance.now() > LONG_RUN_MS;
  await using stage = await Stage.start(await logsTo(logs), isLong);
  await using repeater = await Repeater.connect(stage.nats.address, random(seed));
  const { [CLOCK_FAULT]: clock, [DISK_FAULT]: disk, ...always } = CLUSTER_FAULTS;
  const faults = {
    ...always,
    ...stage.clock === undefined || clock === undefined ? {} : { [CLOCK_FAULT]: clock },
    ...stage.disk === undefined || disk === undefined ? {} : { [DISK_FAULT]: disk },
  };
  for (const name of Object.keys(CLUSTER_FAULTS)) {
    if (!(name in faults)) console.log(`not tested: ${name} needs libfaketime, or a mount`);
  }
  const load = await Load.start(stage, witness, seed);
  const workerKills: number[] = [];
  const end = deadline();
  // In a long run those of processes and links meet the others.
  const groups = isLong && fault === "" ? split(faults) : [faults];
  const injected = await Promise.all(groups.map((group, at) => {
    const context = { stage, repeater, fault, next: random(seed + at), isLong, workerKills };
    return injectFaults(group, context, () => stage.ready(), end);
  }));
  const history = { ...await load.finish(), errors: ERRORS };
  const unexplained = stage.members.flatMap((member) => member.unexplained);
  const starts = stage.members.reduce((sum, member) => sum + member.starts, 0);
  const notes = [
    `${starts} starts of processes, ${repeater.count} messages repeated`,
    interruptionNote(history, workerKills),
    ...errorNotes(history),
  ];
  return { history, faults: ordered(injected.flat()), violations: unexplained, notes };
}

type Faults = Readonly<Record<string, Fault<ClusterContext>>>;

/** The faults of processes of invoked and of links, and those of NATS, PostgreSQL, messages and clocks. */
function split(faults: Faults): Faults[] {
  const entries = Object.entries(faults);
  return [true, false].map((isOurs) =>
    Object.fromEntries(entries.filter(([name]) => PROCESSES_AND_LINKS.test(name) === isOurs))
  );
}

function ordered(faults: readonly InjectedFault[]): InjectedFault[] {
  return faults.toSorted((one, other) => one.from - other.from);
}

/** How many invocations ended with each error, without stacks and versions. */
function errorNotes({ records }: History): string[] {
  const counts = new Map<string, number>();
  for (const { error } of records) {
    const [text] = error?.replaceAll(/ \(version .*\)/g, "").split("\n") ?? [];
    if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return Array.from(counts, ([text, count]) => `${count} times ${text}`).toSorted();
}

/** How long callers waited whose worker was killed. */
function interruptionNote({ invocations, records }: History, kills: readonly number[]): string {
  const interrupted = new Set(
    records.filter(({ error }) => error?.startsWith("INTERRUPTED: the worker")).map(({ id }) => id),
  );
  const waits = kills.flatMap((at) =>
    invocations.flatMap(({ mode, sentAt, acknowledged }) =>
      mode === "sync" && acknowledged !== undefined && interrupted.has(acknowledged.id) &&
        sentAt < at && acknowledged.at > at
        ? [acknowledged.at - at]
        : []
    )
  );
  const longest = (Math.max(0, ...waits) / 1000).toFixed(1);
  return `${waits.length} callers of killed workers got INTERRUPTED, the last after ${longest} s`;
}

/** Appends each log to a file of its process; drops it without a directory. */
async function logsTo(directory: string | undefined): Promise<OnLog> {
  if (directory === undefined) return () => Promise.resolve();
  await Deno.mkdir(directory, { recursive: true });
  return async (name, log) => {
    const path = join(directory, `${name.replaceAll(" ", "-")}.log`);
    await Deno.writeTextFile(path, `${log}\n`, { append: true });
  };
}
