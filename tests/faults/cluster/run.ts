/** A cluster under load and faults. */
import { join } from "node:path";
import { random } from "../../support/seed.ts";
import type { History, InjectedFault, Report, RunOptions } from "../history.ts";
import { type Faults, injectEach, injectFaults } from "../injection.ts";
import { Load } from "../load.ts";
import { Witness } from "../witness.ts";
import { CLOCK_FAULT, CLUSTER_FAULTS, type ClusterContext, DISK_FAULT } from "./faults.ts";
import type { OnLog } from "./member.ts";
import { partFaults } from "./part_faults.ts";
import { kindsOf, partsOf } from "./parts.ts";
import { Probe } from "./probe.ts";
import { Repeater } from "./repeater.ts";
import { Stage, type StageOptions } from "./stage.ts";

const PROCESSES_AND_LINKS = / of (?:a worker|an API node|all workers)|link/;
/** From this length on some faults last longer than a lease. */
const LONG_RUN_MS = 90_000;
/** Ends of invocations besides SUCCESS: another writer of the volume was faster, or a host call reached no database. */
const ERRORS =
  /^(?:INTERRUPTED: (?!.* is missing)|(?:CANCELLED|VFS_CONFLICT): |UNCAUGHT: Error: vfs\.\w+ failed)/;

/** Faults in random order until the deadline. */
export async function runCluster(options: RunOptions): Promise<Report> {
  const { seed, fault, deadline } = options;
  const isLong = deadline() - performance.now() > LONG_RUN_MS;
  const cluster = { ...options.cluster, isLong, isBalanced: false };
  return await underLoad(options, cluster, async (context) => {
    const { stage } = context;
    const faults = possibleFaults(stage);
    const end = deadline();
    // In a long run those of processes and links meet the others.
    const groups = isLong && fault === "" ? split(faults) : [faults];
    const injected = await Promise.all(
      groups.map((group, at) =>
        injectFaults(group, { ...context, next: random(seed + at) }, () => stage.ready(), end)
      ),
    );
    return ordered(injected.flat());
  });
}

/** STOP and kill of each part, alone and in pairs, each fault once. */
export async function runParts(options: RunOptions): Promise<Report> {
  const cluster = { ...options.cluster, isLong: true, isBalanced: true };
  return await underLoad(options, cluster, async (context) => {
    const { stage, next, load } = context;
    const { faults, takenOver } = partFaults(kindsOf(partsOf(stage)), next);
    await using _probe = new Probe(load);
    const injected = await injectEach(faults, context, () => stage.ready());
    return injected.map((fault) => ({ ...fault, isTakenOver: takenOver.has(fault.name) }));
  });
}

/** Starts a cluster under load, injects faults, and reads what the cluster has in the end. */
async function underLoad(
  { seed, fault, logs }: RunOptions,
  cluster: StageOptions,
  inject: (context: ClusterContext & { readonly load: Load }) => Promise<InjectedFault[]>,
): Promise<Report> {
  await using witness = new Witness();
  await using stage = await Stage.start(cluster, await logsTo(logs));
  await using repeater = await Repeater.connect(stage.nats.address, random(seed));
  const load = await Load.start(stage, witness, seed);
  const workerKills: number[] = [];
  const { isLong } = cluster;
  const next = random(seed);
  const faults = await inject({ stage, repeater, fault, next, isLong, workerKills, load });
  const history = { ...await load.finish(), errors: ERRORS };
  const unexplained = stage.members.flatMap((member) => member.unexplained);
  const starts = stage.members.reduce((sum, member) => sum + member.starts, 0);
  const notes = [
    `${starts} starts of processes, ${repeater.count} messages repeated`,
    interruptionNote(history, workerKills),
    ...errorNotes(history),
  ];
  return { history, faults, violations: unexplained, notes };
}

/** The faults that this machine and this cluster permit. */
function possibleFaults({ clock, nats }: Stage): Faults<ClusterContext> {
  const missing = [
    ...clock === undefined ? [CLOCK_FAULT] : [],
    ...nats.disk === undefined ? [DISK_FAULT] : [],
  ];
  for (const name of missing) {
    console.log(`not tested: ${name} needs libfaketime, or a mount and one NATS server`);
  }
  return Object.fromEntries(
    Object.entries(CLUSTER_FAULTS).filter(([name]) => !missing.includes(name)),
  );
}

/** The faults of processes of invoked and of links, and those of NATS, PostgreSQL, messages and clocks. */
function split(faults: Faults<ClusterContext>): Faults<ClusterContext>[] {
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
