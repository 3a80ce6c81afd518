/**
 * Checks whether many invocations leave anything behind: processes, descriptors, files or memory.
 *
 *     deno task soak [--calls 10000] [--isolation auto]
 *
 * Boots the real server and invokes functions in batches: functions that succeed, throw, time out or attack, and
 * builds. After each batch, once the server is idle, it counts what the server holds. What an idle server holds after
 * the warm-up is what it holds for good; more than that, beyond the tolerances, ends the program with exit code 1.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Client } from "../tests/support/client.ts";
import { makeTempDir } from "../tests/support/invoked.ts";
import { descendantsOf, descriptorsOf } from "../tests/support/processes.ts";
import { TestServer } from "../tests/support/server.ts";

const CONCURRENCY = 4;
/** Number of invocations after which an idle server is expected to hold what it will hold for good. */
const WARM_UP_INVOCATIONS = 1000;
/** Samples after the warm-up, at equal distances. */
const SAMPLES = 9;
/** Number of invocations for each commit that is built. */
const INVOCATIONS_PER_BUILD = 100;
/** The server counts as idle once its processes were the same for so many looks in a row. */
const IDLE_LOOKS = 10;
const LOOK_INTERVAL_MS = 100;
/** A server that is not idle after so many looks has a leak that the table shows. */
const LOOKS_MAX = 200;

const BYTES_PER_MIB = 1024 ** 2;

/** What the server holds. Memory is in MiB: all of it, and what is no mapped file. */
const COLUMNS = ["processes", "descriptors", "files", "resident", "anonymous"] as const;
type Holdings = Readonly<Record<typeof COLUMNS[number], number>>;
type Sample = Holdings & { readonly calls: number };

/**
 * How much more than after the warm-up is no growth. A connection that just opens or closes holds a descriptor;
 * what the collector has not yet collected is memory.
 */
const TOLERANCE: Holdings = {
  processes: 0,
  descriptors: 4,
  files: 0,
  resident: 48,
  anonymous: 48,
};

/** A function, its share of 100 invocations, and how its invocations end. */
interface Kind {
  readonly name: string;
  readonly percent: number;
  readonly main: string;
  /** The first word of the error, or success. */
  readonly end: RegExp | "success";
}

const KINDS: readonly Kind[] = [
  {
    name: "good",
    percent: 74,
    main: "export default (input: object) => ({ input });",
    end: "success",
  },
  {
    name: "throwing",
    percent: 20,
    main:
      'export default async () => { await new Promise((r) => setTimeout(r)); throw new Error("no"); };',
    end: /^UNCAUGHT: /,
  },
  {
    name: "timing out",
    percent: 1,
    main: "export default () => { for (;;); };",
    end: /^TIMEOUT: /,
  },
  {
    // Floods the log, leaves connections to the proxy open, closes its stdout and exits.
    name: "hostile",
    percent: 5,
    main: `import net from "node:net";
      export default async () => {
        for (let i = 0; i < 100; i++) console.log("x".repeat(10_000));
        for (let i = 0; i < 5; i++) net.connect(80, "127.0.0.1").on("error", () => {});
        await (await fetch("http://127.0.0.1/")).text();
        Deno.stdout.close();
        Deno.exit(1);
      };`,
    end: /^(EXITED|UNCAUGHT): /,
  },
];

/** The kind of every position among 100 invocations; kinds are spread, not one after the other. */
const SCHEDULE: readonly Kind[] = KINDS.flatMap((kind) =>
  Array.from({ length: kind.percent }, (_, n) => ({ kind, at: (n + 0.5) / kind.percent }))
).toSorted((a, b) => a.at - b.at).map(({ kind }) => kind);

async function main(): Promise<boolean> {
  const { calls, isolation } = readArguments();
  await using temporary = await makeTempDir();
  // The sandboxes of a server that is root find their sockets here.
  await Deno.chmod(temporary.path, 0o755);
  await using server = await TestServer.start({
    flags: ["--isolation", isolation, "--invocation-timeout", "1s", "--max-log", "64KiB"],
    env: { TMPDIR: temporary.path },
  });
  const client = await server.client();
  const ids = new Map<Kind, string>();
  for (const kind of KINDS) ids.set(kind, await client.deploy(kind.main));
  const look = () => holdingsOf(server, temporary.path);
  const samples: Sample[] = [{ calls: 0, ...await whenIdle(look) }];
  const start = performance.now();
  for (const mark of marksOf(calls)) {
    await runInvocations(server, ids, samples.at(-1)?.calls ?? 0, mark);
    samples.push({ calls: mark, ...await whenIdle(look) });
    console.error(`${mark} of ${calls} calls`);
  }
  const seconds = (performance.now() - start) / 1000;
  const mix = KINDS.map(({ name, percent }) => `${percent} % ${name}`).join(", ");
  console.log(/^ *sandbox +(.*)$/m.exec(server.welcome)?.[1]);
  console.log(`${calls} calls, ${CONCURRENCY} at a time, in ${seconds.toFixed(0)} s: ${mix};`);
  console.log(`one build for every ${INVOCATIONS_PER_BUILD} calls\n`);
  console.log(render(samples));
  const faults = growth(samples);
  const tolerated = COLUMNS.map((name) => `${name} ${TOLERANCE[name]}`).join(", ");
  console.log(`\nTolerated growth after ${WARM_UP_INVOCATIONS} calls: ${tolerated}`);
  console.log(faults.length === 0 ? "Verdict: nothing is left behind" : `Verdict: LEAK`);
  for (const fault of faults) console.log(`  ${fault}`);
  return faults.length === 0;
}

function readArguments(): { calls: number; isolation: string } {
  const { values } = parseArgs({
    options: {
      calls: { type: "string", default: "10000" },
      isolation: { type: "string", default: "auto" },
    },
  });
  const calls = Number(values.calls);
  const isEnough = Number.isInteger(calls) && calls >= 2 * WARM_UP_INVOCATIONS;
  assert.ok(isEnough, `--calls must be a whole number of at least ${2 * WARM_UP_INVOCATIONS}`);
  return { calls, isolation: values.isolation };
}

/** Numbers of invocations after which the server is inspected. */
function marksOf(calls: number): number[] {
  const rest = calls - WARM_UP_INVOCATIONS;
  return Array.from(
    { length: SAMPLES + 1 },
    (_, n) => WARM_UP_INVOCATIONS + Math.round(rest * n / SAMPLES),
  );
}

/** Invokes from one number to another. Rejects if an invocation ends otherwise than its kind does. */
async function runInvocations(
  server: TestServer,
  ids: ReadonlyMap<Kind, string>,
  from: number,
  to: number,
): Promise<void> {
  // Tokens last ten minutes.
  const client = await server.client();
  let next = from;
  const caller = async () => {
    while (next < to) {
      const number = next++;
      const kind = SCHEDULE[number % SCHEDULE.length];
      assert.ok(kind);
      await invokeOnce(client, kind, ids.get(kind) ?? "");
      if (number % INVOCATIONS_PER_BUILD === 0) await buildOnce(client, number);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
}

async function invokeOnce(client: Client, { name, end }: Kind, id: string): Promise<void> {
  const { status, body } = await client.invoke(id);
  assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`);
  if (body.json === undefined || end !== "success") {
    const { error } = await client.invocation(id, body.invocationId);
    assert.match(error ?? "success", end === "success" ? /^success$/ : end, name);
  }
}

async function buildOnce(client: Client, number: number): Promise<void> {
  const id = await client.deploy(`export default () => ({ number: ${number} });`);
  const { status } = await client.call("DELETE", `/api/v1/functions/${id}`, {});
  assert.equal(status, 200);
}

/** What the server holds once its processes come and go no more. */
async function whenIdle(look: () => Promise<Holdings>): Promise<Holdings> {
  let held = await look();
  for (let same = 0, looks = 0; same < IDLE_LOOKS && looks < LOOKS_MAX; looks++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    const now = await look();
    same = now.processes === held.processes ? same + 1 : 0;
    held = now;
  }
  return held;
}

async function holdingsOf(server: TestServer, temporaryDir: string): Promise<Holdings> {
  const { dataDir, pid } = server;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const mib = (name: string) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    return Math.round(Number(kib) * 1024 / BYTES_PER_MIB);
  };
  const directories = ["work", "cache"].map((name) => join(dataDir, name));
  const files = await Promise.all(
    [...directories, temporaryDir, ...await sharedDirs(dataDir)].map(countFiles),
  );
  return {
    processes: descendantsOf(pid).length,
    descriptors: (await descriptorsOf(pid)).length,
    files: files.reduce((sum, count) => sum + count, 0),
    resident: mib("VmRSS"),
    anonymous: mib("RssAnon"),
  };
}

/** Where a server that is root puts what the user of its sandboxes must reach. */
async function sharedDirs(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/tmp")) {
    const owner = await Deno.readTextFile(`/tmp/${name}/owner`).catch(() => "");
    if (owner.startsWith(dataDir)) found.push(`/tmp/${name}`);
  }
  return found;
}

/** Files, sockets and directories below a directory. */
async function countFiles(directory: string): Promise<number> {
  let count = 0;
  try {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      count += 1 + (isDirectory ? await countFiles(join(directory, name)) : 0);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return count;
}

/** What has grown since the warm-up; memory is judged by the mean of the last third of the samples. */
function growth([, first, ...later]: readonly Sample[]): string[] {
  const last = later.slice(-Math.ceil(later.length / 3));
  return COLUMNS.flatMap((name) => {
    const before = first?.[name] ?? 0;
    const after = last.reduce((sum, sample) => sum + sample[name], 0) / last.length;
    if (after - before <= TOLERANCE[name]) return [];
    return [`${name} grew from ${before} to ${after.toFixed(1)}`];
  });
}

function render(samples: readonly Sample[]): string {
  const rows = [
    ["calls", ...COLUMNS],
    ...samples.map((sample) => [sample.calls, ...COLUMNS.map((name) => sample[name])].map(String)),
  ];
  return rows.map((row) => row.map((cell) => cell.padStart(12)).join("")).join("\n");
}

if (!await main()) Deno.exit(1);
