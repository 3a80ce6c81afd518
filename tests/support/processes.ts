/** Looks at processes through procfs. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import type { Client } from "./client.ts";
import { eventually } from "./eventually.ts";
import { ok } from "./expect.ts";

/** Sends a signal to a child of this process, or to the process with an id, unless it has ended. */
export function signalUnlessEnded(process: Deno.ChildProcess | number, signal: Deno.Signal): void {
  try {
    if (typeof process === "number") Deno.kill(process, signal);
    else process.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Ids of the live children of every process, from one look at all of them, which a caller with many questions shares. */
export function readChildren(): ReadonlyMap<number, readonly number[]> {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const status = /^\d+$/.test(name) ? readStatus(Number(name)) : undefined;
    const parent = Number(/^PPid:\t(\d+)$/m.exec(status ?? "")?.[1]);
    if (status === undefined || Number.isNaN(parent) || !isAlive(status)) continue;
    children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  return children;
}

/** Ids of the live children of a process. */
export function childrenOf(parent: number): readonly number[] {
  return readChildren().get(parent) ?? [];
}

/** Ids of the live children of a process, of theirs, and so on. */
export function descendantsOf(ancestor: number): readonly number[] {
  return below(ancestor, readChildren());
}

function below(ancestor: number, children: ReadonlyMap<number, readonly number[]>): number[] {
  return (children.get(ancestor) ?? []).flatMap((child) => [child, ...below(child, children)]);
}

/** Ids of the live descendants without children: instances that wait or run, and a zygote without any. */
export function instancesOf(server: number): readonly number[] {
  const children = readChildren();
  return below(server, children).filter((pid) => !children.has(pid));
}

/** As {@link instancesOf}, once an instance waits that the next invocation takes. */
export async function instancesWithWaiting(
  client: Client,
  server: number,
): Promise<readonly number[]> {
  await eventually(async () => {
    const { instances } = ok(await client.get("/api/v1/status"));
    return instances?.waiting > 0 ? true : undefined;
  }, "an instance that waits");
  return instancesOf(server);
}

/** Resolves once one of these processes is gone: the instance that an invocation took. */
export async function oneGone(pids: readonly number[]): Promise<void> {
  await eventually(() => {
    for (const pid of pids) if (isGone(pid)) return true;
  }, `the end of one of the processes ${pids}`);
}

/** What the open descriptors of a process lead to; none of a process that is gone. */
export async function descriptorsOf(pid: number): Promise<string[]> {
  const targets: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => undefined);
      if (target !== undefined) targets.push(target);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return targets;
}

/** What the kernel adds to the score of a process when memory runs out, in thousandths of all memory. */
async function oomScoreOf(pid: number | "self"): Promise<number> {
  return Number(await Deno.readTextFile(`/proc/${pid}/oom_score_adj`));
}

/** Wrappers of a process that starts: the shell sets the score before it becomes the next program. */
const WITHOUT_SCORE: ReadonlySet<string> = new Set(["setsid", "sh"]);

/** Asserts that the kernel ends each of these before this process, when memory runs out. */
export async function assertDieFirst(pids: readonly number[]): Promise<void> {
  const expected = Math.min(1000, Math.max(0, await oomScoreOf("self")) + 800);
  assert.ok(pids.length > 0, "no process to look at");
  for (const pid of pids) {
    await eventually(async () => {
      const [program = ""] = await argumentsOf(pid);
      return !WITHOUT_SCORE.has(basename(program)) || undefined;
    }, `the end of the wrappers of process ${pid}`);
  }
  const scores = await Promise.all(pids.map(async (pid) => [pid, await oomScoreOf(pid)]));
  assert.deepEqual(scores, pids.map((pid) => [pid, expected]));
}

/** The arguments of a process, its program first; none of one that is gone. */
export async function argumentsOf(pid: number): Promise<string[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
  return text.split("\0").slice(0, -1);
}

/** Whether the process is gone; one that only waits to be reaped is gone as well. */
export function isGone(pid: number): boolean {
  const status = readStatus(pid);
  return status === undefined || !isAlive(status);
}

/** Resolves once every process is gone. */
export async function allGone(pids: Iterable<number>): Promise<void> {
  for (const pid of pids) {
    await eventually(() => isGone(pid) || undefined, `the end of process ${pid}`);
  }
}

function readStatus(pid: number): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return undefined;
  }
}

function isAlive(status: string): boolean {
  return !status.includes("State:\tZ");
}
