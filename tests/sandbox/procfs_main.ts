/**
 * Prints what the server reads in `/proc` of the processes whose ids it is given: a parent, a child without children, and a
 * process that renames itself all the time.
 */
import {
  innermost,
  processBelow,
  readAllProcfs,
  readCpuMs,
  readFields,
  readProcfs,
  readStatuses,
} from "../../src/isolation/procfs.ts";

const [parent = 0, child = 0, renaming = 0] = Deno.args.map(Number);
const LOOKS = 1000;
const missing = "999999999/status";
const fields = await readFields([`${parent}/status`, missing, `${child}/status`], [
  "NSpid",
  "Threads",
]);
console.log(JSON.stringify({
  status: await readProcfs(`${child}/status`),
  missing: await readProcfs(missing) ?? null,
  setting: await readProcfs("sys/kernel/core_uses_pid"),
  all: await readAllProcfs([`${child}/comm`, missing, `${parent}/comm`]),
  renaming: await readAllProcfs(Array.from({ length: LOOKS }, () => `${renaming}/stat`)),
  innermost: await innermost(parent),
  cpuMs: await readCpuMs(parent),
  child: await processBelow(parent, child),
  noChild: await processBelow(parent, parent).catch(() => null),
  fields: [...fields].map(([path, found]) => [path, [...found]]),
  memory: (await readFields([`${child}/smaps_rollup`], ["Private_Clean", "Private_Dirty"])).size,
  statuses: [...await readStatuses()],
}));
