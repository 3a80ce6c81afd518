/** The wrappers that several modes share: each turns into the next program by `exec` and leaves no process. */
import type { Confinement, Identity, Profile } from "./isolation.ts";
import { type Machine, NOBODY_ID } from "./machine.ts";
import { NICENESS } from "./spawn.ts";

/** Exit code of a process that could not join a group. */
const NOT_JOINED = 125;
/** Descriptor of the file that stands before the command, for programs that ask for one. */
export const FILE_DESCRIPTOR = "9";

/** Joins the groups whose files stand before `--`. */
export const JOIN_GROUPS =
  `while [ "$1" != -- ]; do echo $$ >"$1" || exit ${NOT_JOINED}; shift; done; shift`;

/** What `ulimit` counts files in. */
const BLOCK_BYTES = 512;
const KIB = 1024;

/**
 * In its groups, behind the server in the queue for a processor, without core dumps, and with limits of memory,
 * processor time, open files and written bytes. One shell does all of it, as each program on the way costs the start
 * of a process 0.7 ms.
 * @param file is open for reading at {@link FILE_DESCRIPTOR}
 */
export function limited(
  sh: string,
  { openFilesMax, fileBytesMax }: Profile,
  { dataBytes, cpuSeconds, groupFiles = [] }: Confinement,
  file?: string,
): string[] {
  const limits = [
    "-c 0",
    `-n ${openFilesMax}`,
    `-f ${Math.ceil(fileBytesMax / BLOCK_BYTES)}`,
    ...(dataBytes === undefined ? [] : [`-d ${Math.ceil(dataBytes / KIB)}`]),
    ...(cpuSeconds === undefined ? [] : [`-t ${cpuSeconds}`]),
  ];
  const script = [
    JOIN_GROUPS,
    // Where the kernel shares processors out among sessions, it looks at this and not at the niceness of processes.
    `{ echo ${NICENESS} >/proc/self/autogroup || :; } 2>/dev/null`,
    ...limits.map((limit) => `ulimit ${limit}`),
    file === undefined ? `exec "$@"` : `file=$1; shift; exec "$@" ${FILE_DESCRIPTOR}<"$file"`,
  ].join(" && ");
  return [sh, "-c", script, "sh", ...groupFiles, "--", ...(file === undefined ? [] : [file])];
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
