/**
 * What an invocation costs the server's own process, without the processes of functions: processor time, wake-ups and system
 * calls, for a fresh process for each invocation and for process reuse, with several numbers of callers:
 *
 *     node_modules/deno/deno run --allow-all bench/invocation_cost.ts [--seconds 3] [--rounds 8]
 *
 * It needs Linux, because it reads procfs. System calls are counted by `perf`, which costs the server little. Without `perf`
 * (on Debian: apt install linux-perf), or the right to use tracepoints (root, or /proc/sys/kernel/perf_event_paranoid at -1
 * and a readable /sys/kernel/tracing), system calls are left out.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Json } from "../tests/support/client.ts";
import { Invoked } from "./invoked.ts";
import { type Call, pause, saturate } from "./load.ts";
import { median } from "./statistics.ts";
import { HELLO } from "./workload.ts";

const CALLERS = [1, 3, 8, 24] as const;
const WARM_UP_MS = 5_000;
/** The time that `perf` has to attach to the server. */
const ATTACH_MS = 1_000;
const EVERY_CALL = "raw_syscalls:sys_enter";
const NAMED_CALL = "syscalls:sys_enter_";
/** System calls that are named, if an invocation makes enough of them; others count in the sum alone. */
const NAMED_CALLS = [
  ...["read", "write", "writev", "recvfrom", "sendto", "sendmsg", "pwrite64", "pread64"],
  ...["fcntl", "epoll_wait", "epoll_ctl", "futex", "accept4", "close", "shutdown", "statx"],
  ...["fdatasync", "mprotect", "madvise", "getsockname", "getpeername"],
];
const SHOWN_MIN = 0.5;
const NANOSECONDS_PER_MS = 1e6;

/** Counters of a process, of all its threads. */
interface Counters {
  readonly processorMs: number;
  /** How often a thread had to wait for something, and was woken. */
  readonly wakeUps: number;
}

/** Reads the counters of each thread: a process that has ended threads has lost what they counted. */
function countersOf(pid: number): Counters {
  let [processorMs, wakeUps] = [0, 0];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const thread = `/proc/${pid}/task/${name}`;
    try {
      const [nanoseconds = "0"] = Deno.readTextFileSync(`${thread}/schedstat`).split(" ");
      processorMs += Number(nanoseconds) / NANOSECONDS_PER_MS;
      const status = Deno.readTextFileSync(`${thread}/status`);
      wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch (error) {
      // The thread has ended.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { processorMs, wakeUps };
}

/** System calls by name, of some invocations. */
interface SystemCalls {
  readonly invocations: number;
  readonly all: number;
  readonly byName: ReadonlyMap<string, number>;
}

/** Counts system calls meanwhile; a text says why they cannot be counted. */
async function countSystemCalls(
  pid: number,
  directory: string,
  work: () => Promise<number>,
): Promise<SystemCalls | string> {
  const summary = join(directory, "perf.txt");
  const events = [EVERY_CALL, ...NAMED_CALLS.map((name) => NAMED_CALL + name)].join(",");
  let perf: Deno.ChildProcess;
  try {
    perf = new Deno.Command("perf", {
      args: ["stat", "-x", ",", "-e", events, "-o", summary, "-p", String(pid)],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "perf is not installed";
    throw error;
  }
  const failure = new Response(perf.stderr).text();
  await pause(ATTACH_MS);
  const invocations = await work();
  try {
    perf.kill("SIGINT");
  } catch (error) {
    // It has ended with an error.
    if (!(error instanceof TypeError)) throw error;
  }
  await perf.status;
  const counts = new Map<string, number>();
  const text = await Deno.readTextFile(summary).catch(() => "");
  for (const line of text.split("\n")) {
    const [count = "", , event = ""] = line.split(",");
    if (/^\d+$/.test(count)) counts.set(event, Number(count));
  }
  const all = counts.get(EVERY_CALL);
  if (all === undefined) return (await failure).trim().split("\n").at(0) ?? "perf reported nothing";
  counts.delete(EVERY_CALL);
  return { invocations, all, byName: counts };
}

interface Costs {
  readonly processorMs: number;
  readonly wakeUps: number;
  readonly perSecond: number;
}

async function measure(pid: number, callers: number, ms: number, call: Call): Promise<Costs> {
  const before = countersOf(pid);
  const { samples, perSecond } = await saturate(callers, { ms }, call);
  const after = countersOf(pid);
  return {
    processorMs: (after.processorMs - before.processorMs) / samples.length,
    wakeUps: (after.wakeUps - before.wakeUps) / samples.length,
    perSecond,
  };
}

function renderSystemCalls(counted: SystemCalls | string): string {
  if (typeof counted === "string") return `not counted: ${counted}`;
  const { invocations, all, byName } = counted;
  const each = (calls: number) => (calls / invocations).toFixed(1);
  const named = [...byName].filter(([, calls]) => calls / invocations >= SHOWN_MIN)
    .toSorted(([, a], [, b]) => b - a)
    .map(([event, calls]) => `${each(calls)} ${event.slice(NAMED_CALL.length)}`);
  return `${each(all)} an invocation, of these ${named.join(", ")}`;
}

/**
 * The share of the last invocations that ran in a reused process: on a busy machine, processes become idle too late, and the
 * server starts others.
 */
async function reusedShare(invoked: Invoked, functionId: string): Promise<string> {
  const { list } = await invoked.get(`/api/v1/functions/${functionId}/invocations?page_size=100`);
  const reused = list.filter(({ processKind }: Json) => processKind === "PROCESS_KIND_REUSED");
  return `${Math.round(100 * reused.length / list.length)} % of the last ${list.length}`;
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "8" },
  },
});
const [roundMs, rounds] = [1000 * Number(values.seconds), Number(values.rounds)];
const directory = await Deno.makeTempDir({ prefix: "invoked-bench-" });
try {
  await using invoked = await Invoked.start({ flags: ["--log-level", "info"] });
  const { pid } = invoked.server;
  const modes = { fresh: await invoked.deploy(HELLO), reuse: await invoked.deploy(HELLO) };
  if (!await invoked.set(modes.reuse, "processReuse", "PROCESS_REUSE_SEQUENTIAL")) {
    throw new Error("The server did not accept process reuse");
  }
  const calls = Object.entries(modes).map(([mode, id]) => ({
    mode,
    call: invoked.call(id, HELLO),
  }));
  for (const { call } of calls) await saturate(8, { ms: WARM_UP_MS }, call);
  // First: many callers on few cores keep processes from becoming idle, and then the server reuses none for a while.
  for (const { mode, call } of calls) {
    const counted = await countSystemCalls(pid, directory, async () => {
      return (await saturate(8, { ms: roundMs }, call)).samples.length;
    });
    console.log(`${mode}, 8 callers, system calls: ${renderSystemCalls(counted)}`);
  }
  const all = new Map<string, Costs[]>();
  for (let round = 0; round < rounds; round++) {
    for (const callers of CALLERS) {
      for (const { mode, call } of calls) {
        const name = `${mode}, ${callers === 1 ? "1 caller" : `${callers} callers`}`;
        all.set(name, [...all.get(name) ?? [], await measure(pid, callers, roundMs, call)]);
      }
    }
  }
  for (const [name, costs] of all) {
    const of = (key: keyof Costs) => median(costs.map((each) => each[key]));
    console.log(
      `${name.padEnd(18)} ${of("processorMs").toFixed(3)} ms of processor time, ` +
        `${of("wakeUps").toFixed(1)} wake-ups, ${of("perSecond").toFixed(0)} a second`,
    );
  }
  console.log(`reused processes: ${await reusedShare(invoked, modes.reuse)} invocations`);
} finally {
  await Deno.remove(directory, { recursive: true });
}
