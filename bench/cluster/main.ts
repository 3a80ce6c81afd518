/**
 * What many machines cost and bring, on one machine and in one run: real PostgreSQL, NATS, API node and workers.
 *
 *     deno task bench-cluster [--quick] [--publish]
 *
 * It takes less than five minutes. `--publish` writes the table to `bench/results/cluster/table.txt`. PostgreSQL and NATS
 * sync to the disk as `deploy/` configures them. All contenders get the same arrivals in interleaved rounds.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MASTER_KEY, TestCluster } from "../../tests/cluster/cluster.ts";
import type { TestWorker } from "../../tests/support/workers.ts";
import { Invoked } from "../invoked.ts";
import { type Call, type Load, merge, oneByOne, openLoop, pause, saturate } from "../load.ts";
import { describeMachine, loadAverage } from "../machine.ts";
import { renderTable, type Row, rowOf, withRatios } from "../report.ts";
import { inTurn, poisson } from "../statistics.ts";
import { HELLO, type Workload } from "../workload.ts";
import { measureIdle } from "./idle.ts";

const FULL = { rounds: 3, latencySeconds: 8, saturatedSeconds: 4, idleSeconds: 15 } as const;
const QUICK = { rounds: 2, latencySeconds: 2, saturatedSeconds: 1, idleSeconds: 3 } as const;
type Plan = typeof FULL | typeof QUICK;

const TABLE = fileURLToPath(new URL("../results/cluster/table.txt", import.meta.url));

/** Waits for something else, so slots are what is scarce, and not processors. */
const WAITING: Workload = {
  ...HELLO,
  source:
    "export default (input) => new Promise((resolve) => setTimeout(() => resolve({ message: `Hello, ${input.name}!` }), 100));\n",
};
const ARRIVALS_PER_SECOND = 10;
const CALLERS = 8;
const WORKERS_MAX = 3;
const SETTLE_MS = 1000;
const WARM_UP_INVOCATIONS = 20;
const POOL = { INVOKED_POOL_SIZE: "8" };
const BASELINE = "one process, SQLite";

interface Contender {
  readonly name: string;
  readonly call: Call;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      publish: { type: "boolean", default: false },
    },
  });
  const startedAt = new Date().toISOString();
  const loadBefore = loadAverage();
  const rows = await measure(values.quick ? QUICK : FULL);
  const { processor, cores, kernel, deno } = describeMachine();
  const text = [
    `deno task bench-cluster${values.quick ? " --quick" : ""}, ${startedAt}`,
    `${cores} cores, ${processor}, ${kernel}, Deno ${deno}`,
    `load average before: ${loadBefore}, after: ${loadAverage()}`,
    "",
    renderTable(rows),
  ].join("\n");
  console.log(text);
  if (!values.publish) return;
  await Deno.mkdir(dirname(TABLE), { recursive: true });
  await Deno.writeTextFile(TABLE, `${text}\n`);
}

async function measure(plan: Plan): Promise<Row[]> {
  const durable = { settings: { fsync: "on", full_page_writes: "on" }, tls: false };
  await using cluster = await TestCluster.start({ syncInterval: "always", tls: false }, durable);
  const database = ["--database", cluster.database];
  const nats = cluster.nats.address.flags;
  await using node = await Invoked.start({ flags: [...database, ...nats], env: MASTER_KEY });
  const start = () => cluster.worker({ capacity: 1, env: POOL });
  const worker = await start();
  const waiting = node.call(await node.deploy(WAITING), WAITING);
  const rows = [
    ...await latency(plan, cluster, { name: "API node, worker", call: await callOf(node) }),
    ...await throughput(plan, { start, worker, waiting, hello: await callOf(node) }),
  ];
  console.error("  idle");
  await pause(SETTLE_MS);
  const roles = [
    { name: "API node", pid: node.server.pid },
    { name: "worker", pid: worker.process.pid },
    { name: "NATS", pid: cluster.nats.pid },
    { name: "PostgreSQL", pid: cluster.postgres.pid },
  ];
  return [...rows, ...await measureIdle(roles, plan.idleSeconds)];
}

async function callOf(server: Invoked): Promise<Call> {
  return server.call(await server.deploy(HELLO), HELLO);
}

/** An invocation on a worker beside the same invocation in one process. */
async function latency(plan: Plan, cluster: TestCluster, clustered: Contender): Promise<Row[]> {
  await using sqlite = await Invoked.start();
  const flags = ["--database", await cluster.postgres.database()];
  await using postgres = await Invoked.start({ flags, env: MASTER_KEY });
  const contenders: readonly Contender[] = [
    { name: BASELINE, call: await callOf(sqlite) },
    { name: "one process, PostgreSQL", call: await callOf(postgres) },
    clustered,
  ];
  const random = new Map(contenders.map(({ name }): [string, Load[]] => [name, []]));
  const alone = new Map(contenders.map(({ name }): [string, Load[]] => [name, []]));
  for (const { call } of contenders) await oneByOne(WARM_UP_INVOCATIONS, 0, call);
  for (let round = 0; round < plan.rounds; round++) {
    const schedule = poisson(ARRIVALS_PER_SECOND, plan.latencySeconds * 1000);
    for (const { name, call } of inTurn(contenders, round)) {
      console.error(`  latency, round ${round + 1} of ${plan.rounds}: ${name}`);
      await pause(SETTLE_MS);
      random.get(name)?.push(await openLoop(schedule, call));
      alone.get(name)?.push(await oneByOne(schedule.length, 10, call));
    }
  }
  const rowsOf = (measure: string, loads: typeof random) =>
    contenders.map(({ name: subject }) => {
      const { samples, rejected } = merge(loads.get(subject) ?? []);
      return rowOf({ part: "latency", measure, subject, unit: "ms", rejected }, samples);
    });
  return withRatios([
    ...rowsOf("one by one", alone),
    ...rowsOf(`${ARRIVALS_PER_SECOND} invocations/s`, random),
  ], BASELINE);
}

/** Invocations a second of one, two and three workers with one slot each. */
async function throughput(
  { rounds, saturatedSeconds }: Plan,
  { start, worker, waiting, hello }: {
    readonly start: () => Promise<TestWorker>;
    readonly worker: TestWorker;
    readonly waiting: Call;
    readonly hello: Call;
  },
): Promise<Row[]> {
  const measures = { "waits 100 ms": waiting, "computes": hello };
  const rates = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    const workers = [worker];
    for (;;) {
      const count = workers.length;
      console.error(`  throughput, round ${round + 1} of ${rounds}: ${count} workers`);
      await pause(SETTLE_MS);
      for (const [name, call] of Object.entries(measures)) {
        await oneByOne(2, 0, call);
        const { perSecond } = await saturate(CALLERS, { ms: saturatedSeconds * 1000 }, call);
        const key = JSON.stringify([name, count]);
        rates.set(key, [...rates.get(key) ?? [], perSecond]);
      }
      if (count === WORKERS_MAX) break;
      workers.push(await start());
    }
    await Promise.all(workers.slice(1).map((each) => each.stop()));
  }
  const rows = Object.keys(measures).flatMap((measure) =>
    Array.from({ length: WORKERS_MAX }, (_, at) => {
      const subject = subjectOf(at + 1);
      const samples = rates.get(JSON.stringify([measure, at + 1])) ?? [];
      return rowOf({ part: "throughput", measure, subject, unit: "/s" }, samples);
    })
  );
  return withRatios(rows, subjectOf(1));
}

function subjectOf(workers: number): string {
  return `${workers} worker${workers === 1 ? "" : "s"} with 1 slot`;
}

await main();
