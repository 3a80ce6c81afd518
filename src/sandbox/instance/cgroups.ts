/** The cgroups of instances. */
import { Cgroups } from "../../isolation/mod.ts";
import type { Image } from "../image/image.ts";

const MIB = 1024 * 1024;
/**
 * Memory of a cgroup beyond the private memory of its process: pages of files, most of them of Deno, and kernel memory
 * such as full pipes and sockets.
 */
const SHARED_BYTES = 192 * MIB;

/** Shown to the operator with the walls. */
export const CGROUPS_DESCRIPTION = "memory and pids cgroups";

/**
 * Opens the cgroups of this server; undefined when the server cannot create any.
 * @param dataBytes limit of an instance's private memory
 */
export async function openCgroups(
  { machine, sharedDir }: Image,
  dataBytes: number,
): Promise<Cgroups | undefined> {
  const { sh } = machine.programs;
  if (sh === undefined) return undefined;
  return await Cgroups.open(sh, await nameOf(sharedDir), dataBytes + SHARED_BYTES);
}

/** The same name for every start on this data directory, so that a server finds the groups of a killed predecessor. */
async function nameOf(directory: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(directory));
  return `invoked-${new Uint8Array(digest).toHex().slice(0, 16)}`;
}
