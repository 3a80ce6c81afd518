/**
 * A fresh call over HTTP beside a bare `deno run` of the same function, on this machine, in one run.
 *
 *     deno task bench [main.ts] [input JSON]
 *
 * Both sides answer the same arrivals in interleaved rounds, so that a busy moment of the machine hits
 * both; trust the ratios more than the milliseconds. The load generator shares the cores with both.
 */
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unbase64 } from "../tests/support/client.ts";
import { TestServer } from "../tests/support/server.ts";

const ROUNDS = 4;
/** Pause before each measurement, in which the pool refills and processes of the one before end. */
const SETTLE_MS = 500;
/** Open loop: calls arrive at random (Poisson), whether or not those before them were answered. */
const ARRIVALS = [
  { callsPerSecond: 10, seconds: 4 },
  { callsPerSecond: 40, seconds: 2.5 },
] as const;
const SATURATED = { concurrency: 8, seconds: 1 } as const;

/** One way to run the function once; answers the text that it returned. */
interface Contender {
  readonly name: string;
  call(): Promise<string>;
}

/** Milliseconds of each call. */
type Samples = number[];

async function main(): Promise<void> {
  const [path = hello(), input = '{"name":"world"}'] = Deno.args;
  const source = await Deno.readTextFile(path);
  await using server = await TestServer.start();
  const client = await server.client();
  const id = await client.deploy(source);
  const directory = await Deno.makeTempDir({ prefix: "invoked-bench-" });
  try {
    const contenders = [
      invoked((path, body) => client.post(path, body), id, input),
      await bare(directory, source, input),
    ] as const;
    await checkAgreement(contenders);
    describeMachine(Deno.args[0] ?? "examples/hello/main.ts", Deno.loadavg()[0] ?? 0);
    console.log(render(contenders, await measure(contenders)));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function hello(): string {
  return fileURLToPath(new URL("../examples/hello/main.ts", import.meta.url));
}

/** `POST .../invoke` on a connection that is kept; the call waits for its durable end. */
function invoked(
  post: (path: string, body: unknown) => Promise<{ status: number; body: { json?: string } }>,
  id: string,
  input: string,
): Contender {
  const json = new TextEncoder().encode(input).toBase64();
  return {
    name: "invoked",
    async call() {
      const { status, body } = await post(`/api/v1/functions/${id}/invoke`, { json });
      if (status !== 200 || body.json === undefined) {
        throw new Error(`The call failed with status ${status}: ${JSON.stringify(body)}`);
      }
      return unbase64(body.json);
    },
  };
}

/** `deno run`, from its spawn to its exit, as a script around the function would do it. */
async function bare(directory: string, source: string, input: string): Promise<Contender> {
  await Deno.writeTextFile(join(directory, "main.ts"), source);
  const runner = join(directory, "run.ts");
  const code = `import main from "./main.ts";
const output = await main(JSON.parse(Deno.args[0]));
await Deno.stdout.write(new TextEncoder().encode("\\n" + JSON.stringify(output)));
`;
  await Deno.writeTextFile(runner, code);
  return {
    name: "deno run",
    async call() {
      const command = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", runner, input],
        stdin: "null",
      });
      const { success, stdout, stderr } = await command.output();
      if (!success) throw new Error(`deno run failed: ${new TextDecoder().decode(stderr)}`);
      return new TextDecoder().decode(stdout).split("\n").at(-1) ?? "";
    },
  };
}

/** Both sides must do the same work, and have warm caches. */
async function checkAgreement(contenders: readonly Contender[]): Promise<void> {
  const answers = new Set<string>();
  for (const { call } of contenders) {
    await call();
    answers.add(await call());
  }
  if (answers.size > 1) throw new Error(`The answers differ: ${[...answers].join(" and ")}`);
}

interface Measured {
  /** By arrival rate, then by contender. */
  readonly latencies: readonly (readonly Samples[])[];
  /** Calls a second when saturated, by contender, one for each round. */
  readonly throughput: readonly Samples[];
}

async function measure(contenders: readonly Contender[]): Promise<Measured> {
  const latencies = ARRIVALS.map(() => contenders.map((): Samples => []));
  const throughput = contenders.map((): Samples => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, { callsPerSecond, seconds }] of ARRIVALS.entries()) {
      const schedule = poisson(callsPerSecond, seconds * 1000);
      for (const [who, { call }] of inTurn(contenders, round)) {
        await pause(SETTLE_MS);
        latencies[at]?.[who]?.push(...await openLoop(schedule, call));
      }
    }
    for (const [who, { call }] of inTurn(contenders, round)) {
      await pause(SETTLE_MS);
      throughput[who]?.push(await saturate(call));
    }
  }
  return { latencies, throughput };
}

/** Who goes first changes with every round. */
function inTurn<T>(items: readonly T[], round: number): (readonly [number, T])[] {
  const numbered = items.map((item, index) => [index, item] as const);
  return round % 2 === 0 ? numbered : numbered.reverse();
}

/** Arrival times in milliseconds from the start. */
function poisson(callsPerSecond: number, durationMs: number): number[] {
  const times: number[] = [];
  let time = 0;
  while ((time += -Math.log(1 - Math.random()) * 1000 / callsPerSecond) < durationMs) {
    times.push(time);
  }
  return times;
}

async function openLoop(
  schedule: readonly number[],
  call: () => Promise<unknown>,
): Promise<Samples> {
  const start = performance.now();
  const calls: Promise<number>[] = [];
  for (const time of schedule) {
    await pause(start + time - performance.now());
    calls.push(timed(call));
  }
  return await Promise.all(calls);
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

/** Calls a second with a fixed number of callers that never rest. */
async function saturate(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const end = start + SATURATED.seconds * 1000;
  let calls = 0;
  const caller = async () => {
    while (performance.now() < end) {
      await call();
      calls++;
    }
  };
  await Promise.all(Array.from({ length: SATURATED.concurrency }, caller));
  return calls * 1000 / (performance.now() - start);
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

function describeMachine(path: string, load: number): void {
  const model = cpus()[0]?.model ?? "unknown processor";
  console.log(`${path}, Deno ${Deno.version.deno}`);
  console.log(`${availableParallelism()} cores, ${model}; load average before: ${load.toFixed(2)}`);
  console.log(`${ROUNDS} interleaved rounds\n`);
}

/** One table; the ratio is how many times slower, or fewer calls a second, `deno run` is. */
function render(contenders: readonly Contender[], { latencies, throughput }: Measured): string {
  const rows = [["", "n", ...contenders.map(({ name }) => name), "ratio"]];
  for (const [at, { callsPerSecond }] of ARRIVALS.entries()) {
    const samples = latencies[at] ?? [];
    for (const percent of [50, 95, 99]) {
      const [ours = NaN, theirs = NaN] = samples.map((one) => percentile(one, percent));
      const label = `${callsPerSecond} calls/s, p${percent}`;
      const values = [ours, theirs].map((ms) => `${ms.toFixed(1)} ms`);
      rows.push([label, String(samples[0]?.length), ...values, `${(theirs / ours).toFixed(1)} x`]);
    }
  }
  const [ours = NaN, theirs = NaN] = throughput.map((rates) => percentile(rates, 50));
  const values = [ours, theirs].map((rate) => `${rate.toFixed(0)}/s`);
  const label = `saturated, ${SATURATED.concurrency} callers`;
  rows.push([label, String(ROUNDS), ...values, `${(ours / theirs).toFixed(1)} x`]);
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths?.[column] ?? 0) : cell.padStart(widths?.[column] ?? 0)
    ).join("   ")
  ).join("\n");
}

/** The nearest rank; the upper of two middle values for the median of an even number. */
function percentile(samples: Samples, percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * percent / 100))] ?? NaN;
}

await main();
