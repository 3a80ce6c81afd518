/** Looks at processes through procfs. */
import { eventually } from "./eventually.ts";

/** Sends a signal to a process of this one, unless it has ended. */
export function signalUnlessEnded(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Ids of the live children of a process. */
export async function childrenOf(parent: number): Promise<number[]> {
  const children: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readStatus(Number(name));
    if (status?.includes(`\nPPid:\t${parent}\n`) && isAlive(status)) children.push(Number(name));
  }
  return children;
}

/** Ids of the live children of a process, of theirs, and so on. */
export async function descendantsOf(ancestor: number): Promise<number[]> {
  const children = await childrenOf(ancestor);
  const further = await Promise.all(children.map(descendantsOf));
  return [...children, ...further.flat()];
}

/** Ids of the live descendants without children: instances that wait or run, and a root without any. */
export async function instancesOf(server: number): Promise<number[]> {
  const descendants = await descendantsOf(server);
  const children = await Promise.all(descendants.map(childrenOf));
  return descendants.filter((_, index) => children[index]?.length === 0);
}

/** Resolves once one of these processes is gone: the instance that a call took. */
export async function oneGone(pids: readonly number[]): Promise<void> {
  await eventually(async () => {
    for (const pid of pids) if (await isGone(pid)) return true;
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

/** The arguments of a process, its program first; none of one that is gone. */
export async function argumentsOf(pid: number): Promise<string[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
  return text.split("\0").slice(0, -1);
}

/** Whether the process is gone; one that only waits to be reaped is gone as well. */
export async function isGone(pid: number): Promise<boolean> {
  const status = await readStatus(pid);
  return status === undefined || !isAlive(status);
}

/** Resolves once every process is gone. */
export async function allGone(pids: Iterable<number>): Promise<void> {
  for (const pid of pids) {
    await eventually(async () => await isGone(pid) || undefined, `the end of process ${pid}`);
  }
}

async function readStatus(pid: number): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(`/proc/${pid}/status`);
  } catch {
    return undefined;
  }
}

function isAlive(status: string): boolean {
  return !status.includes("State:\tZ");
}
