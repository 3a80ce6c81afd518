/** The wrappers that several modes share: each turns into the next program by `exec` and leaves no process. */
import type { Confinement, Identity, Profile } from "./isolation.ts";
import { type Machine, NOBODY_ID } from "./machine.ts";

/** No core dumps; memory, processor time, open files and written bytes have limits. */
export function prlimit(
  program: string,
  { openFilesMax, fileBytesMax }: Profile,
  { dataBytes, cpuSeconds }: Confinement,
): string[] {
  return [
    program,
    "--core=0",
    `--nofile=${openFilesMax}`,
    `--fsize=${fileBytesMax}`,
    ...(dataBytes === undefined ? [] : [`--data=${dataBytes}`]),
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}`]),
    "--",
  ];
}

/**
 * Death together with the server. It comes when the thread that spawned the process ends: `Deno.Command` spawns on
 * the main thread, which ends with the server however the server ends.
 */
export const DIES_WITH_SERVER = ["--pdeathsig", "KILL"] as const;

/** The identity, no new privileges, and what else is asked for. */
export function setpriv(
  program: string,
  { isRoot }: Machine,
  identity: Identity,
  more: readonly string[],
): string[] {
  const user = identity === "nobody"
    ? [`--reuid=${NOBODY_ID}`, `--regid=${NOBODY_ID}`, "--clear-groups"]
    : [];
  const powers = isRoot ? ["--inh-caps=-all", "--bounding-set=-all"] : [];
  return [program, "--no-new-privs", ...user, ...powers, ...more, "--"];
}

/** The identity in words. */
export function identityInWords({ isRoot }: Machine, identity: Identity): string {
  if (identity === "nobody") return `user ${NOBODY_ID} without capabilities`;
  return isRoot ? "the server's user root without capabilities" : "the server's own user";
}
