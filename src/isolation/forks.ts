/** Forks of an isolated process, seen from outside of its namespaces. */
import type { Cgroup } from "./cgroups.ts";
import type { Machine } from "./machine.ts";
import { readProcfs } from "./procfs.ts";

/**
 * The id of a child of `parent` in the namespace of the server.
 * @param pid the child's id in the namespace of its parent
 */
export async function processBelow(parent: number, pid: number): Promise<number> {
  const children = (await readProcfs(`${parent}/task/${parent}/children`))?.trim().split(" ") ?? [];
  const depth = (await namespaceIds(parent)).length;
  // The youngest is the last one.
  for (const child of children.reverse()) {
    const ids = await namespaceIds(Number(child));
    if (ids[depth - 1] === pid) return Number(child);
  }
  throw new Error(`Cannot find the fork ${pid} of process ${parent}`);
}

/** The ids of a process in each namespace, the outermost first. */
async function namespaceIds(pid: number): Promise<readonly number[]> {
  const status = await readProcfs(`${pid}/status`) ?? "";
  return /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
}

/** Moves a running process to a cgroup. Its later forks join, too. */
export async function joinCgroup(
  pid: number,
  { files }: Cgroup,
  { programs: { sh } }: Machine,
): Promise<void> {
  if (sh === undefined) throw new Error("Cannot join a cgroup without sh");
  const { success, stderr } = await new Deno.Command(sh, {
    args: [
      "-c",
      'pid=$1; shift; for file; do echo "$pid" >"$file" || exit 1; done',
      "sh",
      `${pid}`,
      ...files,
    ],
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  throw new Error(`Cannot join a cgroup: ${new TextDecoder().decode(stderr).trim()}`);
}
