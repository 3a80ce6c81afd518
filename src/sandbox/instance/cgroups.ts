/** The cgroups of instances. */
import { Cgroups, type Machine } from "../../isolation/mod.ts";

const MIB = 1024 * 1024;
/**
 * Memory of a cgroup beyond the private memory of its process: pages of files, most of them of Deno, and kernel memory
 * such as full pipes and sockets.
 */
const SHARED_BYTES = 192 * MIB;

/** Shown to the operator with the isolation. */
export const CGROUPS_DESCRIPTION = "memory and pids cgroups";

/** Memory limit of a cgroup. @param dataBytes limit of its instance's private memory */
export function cgroupBytes(dataBytes: number): number {
  return dataBytes + SHARED_BYTES;
}

/**
 * Opens the cgroups of this server; undefined when the server cannot create any.
 * @param dataBytes limit of an instance's private memory
 */
export async function openCgroups(
  { programs: { sh } }: Machine,
  dataBytes: number,
): Promise<Cgroups | undefined> {
  if (sh === undefined) return undefined;
  return await Cgroups.open(sh, cgroupBytes(dataBytes));
}
