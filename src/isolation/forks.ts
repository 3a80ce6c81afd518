/** Forks of an isolated process, seen from outside of its namespaces. */
import type { Cgroup } from "./cgroups.ts";
import type { Machine } from "./machine.ts";
import { readChild } from "./procfs.ts";

/**
 * The id of a child of `parent` in the namespace of the server.
 * @param pid the child's id in the namespace of its parent
 */
export async function processBelow(parent: number, pid: number): Promise<number> {
  const child = await readChild(parent, pid);
  if (child !== undefined) return child;
  throw new Error(
    `/proc shows no fork ${pid} of process ${parent}; mount it without hidepid (systemd: no ProtectProc)`,
  );
}

/** Moves a running process to a cgroup. Its later forks join, too. */
export async function joinCgroup(
  pid: number,
  { files }: Cgroup,
  { programs: { sh } }: Machine,
): Promise<void> {
  if (sh === undefined) throw new Error("sh was not found: it moves processes to cgroups");
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
  throw new Error(`Failed to join a cgroup: ${new TextDecoder().decode(stderr).trim()}`);
}
