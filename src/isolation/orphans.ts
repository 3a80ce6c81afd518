/**
 * Processes that have outlived the one that started them. A fork dies with its fork server by its parent death signal, which
 * it could clear if it ran native code. Where forks have no process namespace of their own, that would let it live on.
 */
import { readStatuses } from "./procfs.ts";
import { killGroup } from "./spawn.ts";

/** Looks for orphans after which the whole group is killed: the orphans start others faster than they are killed. */
const SWEEPS_MAX = 5;

/**
 * Kills the processes of a group whose parent is outside of the group. Its leader is not one of them. No process of it
 * can leave it: seccomp denies that.
 */
export async function killOrphans(leader: number): Promise<void> {
  // On a busy machine a killed process takes a while to end. It starts no other meanwhile.
  const killed = new Set<number>();
  for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
    const candidates = (await orphansOf(leader)).difference(killed);
    if (candidates.size === 0) return;
    // The list is not read at one instant, so a second one has to confirm the first.
    const orphans = (await orphansOf(leader)).intersection(candidates);
    for (const pid of orphans) {
      killIfAlive(pid);
      killed.add(pid);
    }
  }
  killGroup(leader);
}

async function orphansOf(leader: number): Promise<ReadonlySet<number>> {
  const statuses = await readStatuses();
  const isMember = (pid: number) => statuses.get(pid)?.group === leader;
  return new Set(
    [...statuses].filter(([pid, { parent }]) =>
      pid !== leader && isMember(pid) && !isMember(parent)
    ).map(([pid]) => pid),
  );
}

function killIfAlive(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
