/** Looks at processes through procfs. */
import { eventually } from "./eventually.ts";

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
