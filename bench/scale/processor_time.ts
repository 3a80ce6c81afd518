/** How much processor time processes took, from procfs (Linux). */
import { descendantsOf } from "../../tests/support/processes.ts";

/** `getconf CLK_TCK`, the same on every Linux that the runtime supports. */
const TICKS_PER_SECOND = 100;

/** Milliseconds of user and system time of a process, of the children that ended, and of live descendants. */
export async function processorMs(pid: number): Promise<number> {
  const pids = [pid, ...await descendantsOf(pid)];
  const times = await Promise.all(pids.map(ownMs));
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** Milliseconds of a process and of the children that it has waited for, without live ones. */
export async function ownMs(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  if (text === undefined) return 0;
  // After the name, which may have spaces: field 3 on.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * 1000 / TICKS_PER_SECOND;
}
