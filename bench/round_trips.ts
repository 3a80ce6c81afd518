/**
 * What an invocation costs on SQLite, on PostgreSQL, and on a worker of a cluster, on one machine: round trips to PostgreSQL,
 * latency, and the processor time of the server or API node, of the worker with its functions, and of PostgreSQL:
 *
 *     node_modules/deno/deno run --allow-all bench/round_trips.ts [--invocations 100] [--rounds 6] [--phases]
 *
 * One caller invokes, and the rounds alternate. PostgreSQL and NATS sync to the disk. A relay counts the
 * round trips in a first run of each server, so that the relay adds nothing to latency. With `--phases`, a last round shows
 * where the time goes.
 */
import { parseArgs } from "node:util";
import { MASTER_KEY, TestCluster } from "../tests/cluster/cluster.ts";
import { makeTempDir } from "../tests/support/invoked.ts";
import { Relay } from "../tests/support/relay.ts";
import { Invoked } from "./invoked.ts";
import { type Call, oneByOne } from "./load.ts";
import { format, type Phases, recordedPhases, wirePhases } from "./phases.ts";
import { ownMs, processorMs } from "./scale/processor_time.ts";
import { inTurn, median } from "./statistics.ts";
import { HELLO } from "./workload.ts";

/** A pause lets an instance become ready again, so that no invocation waits for one. */
const PAUSE_MS = 15;
const WARM_UP_INVOCATIONS = 40;
const COUNTED_INVOCATIONS = 20;

/** Processor time in milliseconds, by who took it. */
interface Times {
  readonly server: number;
  readonly worker: number;
  readonly postgres: number;
}

interface Contender {
  readonly name: string;
  readonly call: Call;
  /** The fewest round trips of one invocation: others have heartbeats beside them. */
  readonly roundTrips: number;
  readonly times: () => Promise<Times>;
  /** The phases of the newest records. */
  readonly phases: (count: number) => Promise<Phases>;
}

interface Round extends Times {
  readonly latency: number;
}

async function run(contender: Contender, invocations: number): Promise<Round> {
  const before = await contender.times();
  const { samples } = await oneByOne(invocations, PAUSE_MS, contender.call);
  const after = await contender.times();
  const each = (key: keyof Times) => (after[key] - before[key]) / invocations;
  return {
    latency: median(samples),
    server: each("server"),
    worker: each("worker"),
    postgres: each("postgres"),
  };
}

async function countRoundTrips(relay: Relay, call: Call): Promise<number> {
  await oneByOne(WARM_UP_INVOCATIONS, PAUSE_MS, call);
  let fewest = Infinity;
  for (let n = 0; n < COUNTED_INVOCATIONS; n++) {
    const before = relay.roundTrips;
    await oneByOne(1, PAUSE_MS, call);
    fewest = Math.min(fewest, relay.roundTrips - before);
  }
  return fewest;
}

const { values } = parseArgs({
  options: {
    invocations: { type: "string", default: "100" },
    rounds: { type: "string", default: "6" },
    phases: { type: "boolean", default: false },
  },
});
const [invocations, rounds] = [Number(values.invocations), Number(values.rounds)];
const durable = { settings: { fsync: "on", full_page_writes: "on" }, tls: false };
await using cluster = await TestCluster.start({ syncInterval: "always", tls: false }, durable);
const { postgres, nats } = cluster;
await using relay = await Relay.to(postgres.port);
const through = (url: string) => url.replace(`:${postgres.port}/`, `:${relay.port}/`);
const alone = await postgres.database();

/** Starts a server through the relay, counts, and starts the same server again without the relay. */
async function open(
  name: string,
  url: string | undefined,
  more: readonly string[],
  workerPid?: number,
): Promise<Contender & AsyncDisposable> {
  const directory = await makeTempDir();
  const start = (database: string | undefined) =>
    Invoked.start({
      dataDir: `${directory.path}/data`,
      flags: [...database === undefined ? [] : ["--database", database], ...more],
      env: MASTER_KEY,
    });
  let roundTrips = 0;
  if (url !== undefined) {
    await using counted = await start(through(url));
    roundTrips = await countRoundTrips(relay, counted.call(await counted.deploy(HELLO), HELLO));
    await counted.server.stop();
  }
  const invoked = await start(url);
  const functionId = await invoked.deploy(HELLO);
  const call = invoked.call(functionId, HELLO);
  await oneByOne(WARM_UP_INVOCATIONS, PAUSE_MS, call);
  const { pid } = invoked.server;
  return {
    name,
    call,
    roundTrips,
    times: async () => ({
      server: await ownMs(pid),
      worker: await processorMs(workerPid ?? pid) -
        (workerPid === undefined ? await ownMs(pid) : 0),
      postgres: await processorMs(postgres.pid),
    }),
    phases: (count) => recordedPhases(invoked, functionId, count),
    async [Symbol.asyncDispose]() {
      await invoked[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const worker = await cluster.worker({ capacity: 1, env: { INVOKED_POOL_SIZE: "8" } });
await using sqlite = await open("one process, SQLite", undefined, []);
await using single = await open("one process, PostgreSQL", alone, []);
await using clustered = await open(
  "API node and worker",
  cluster.database,
  nats.address.flags,
  worker.process.pid,
);
const contenders = [sqlite, single, clustered];
const all = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]));
for (let round = 0; round < rounds; round++) {
  for (const contender of inTurn(contenders, round)) {
    all.get(contender)?.push(await run(contender, invocations));
  }
}
const of = (contender: Contender, key: keyof Round) =>
  median((all.get(contender) ?? []).map((round) => round[key]));
const total = (contender: Contender) =>
  of(contender, "server") + of(contender, "worker") + of(contender, "postgres");
for (const contender of contenders) {
  const ratio = (value: number, base: number) =>
    `${value.toFixed(2)} ms (${(value / base).toFixed(2)})`;
  console.log(
    `${contender.name}: ${contender.roundTrips} round trips, latency ` +
      `${ratio(of(contender, "latency"), of(sqlite, "latency"))}, processor time ` +
      `${ratio(total(contender), total(sqlite))}: server ${of(contender, "server").toFixed(2)}, ` +
      `functions ${of(contender, "worker").toFixed(2)}, ` +
      `PostgreSQL ${of(contender, "postgres").toFixed(2)}`,
  );
}
if (values.phases) {
  for (const contender of contenders) {
    console.log(`${contender.name}, phases in ms: ${format(await contender.phases(invocations))}`);
  }
  const { options } = nats.address;
  const wire = await wirePhases(options, invocations, PAUSE_MS, clustered.call);
  console.log(`${clustered.name}, between messages in ms: ${format(wire)}`);
}
