/** The cgroups of functions. */
import { Cgroups } from "../../isolation/mod.ts";
import type { Program } from "./launcher.ts";
import type { Image } from "../image/image.ts";

const MIB = 1024 * 1024;
/**
 * What a group may hold beside the private memory that its process may have: pages of files, of which Deno's own
 * are the most, and what the kernel keeps for it, such as full pipes and sockets.
 */
const SHARED_BYTES = 192 * MIB;

/** For the operator. */
export const CGROUPS_IN_WORDS = "memory and pids cgroups";

/** Opens the groups where the server may make any. */
export async function openCgroups(
  { machine, sharedDir }: Image,
  { confinement: { dataBytes } }: Program,
): Promise<Cgroups | undefined> {
  const { sh } = machine.programs;
  if (sh === undefined || dataBytes === undefined) return undefined;
  return await Cgroups.open(sh, await nameOf(sharedDir), dataBytes + SHARED_BYTES);
}

/** The same for every server on this data directory, so that it finds what one that was killed has left. */
async function nameOf(directory: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(directory));
  return `invoked-${new Uint8Array(digest).toHex().slice(0, 16)}`;
}
