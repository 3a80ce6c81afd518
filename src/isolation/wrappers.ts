/** Wrappers of several modes. Each becomes the next program by `exec` and leaves no process. */
import type { Confinement, Identity, Profile } from "./isolation.ts";
import { type Machine, NOBODY_ID } from "./machine.ts";
import { NICENESS } from "./spawn.ts";

/** Exit code of a process that could not join a cgroup. */
export const NOT_JOINED = 125;
/** Descriptor of the file argument, for programs that take a descriptor. */
export const FILE_DESCRIPTOR = "9";

/** Joins the cgroups whose `cgroup.procs` files precede `--`. */
export const JOIN_GROUPS =
  `while [ "$1" != -- ]; do echo $$ >"$1" || exit ${NOT_JOINED}; shift; done; shift`;

/** What functions and compilers add to `oom_score_adj` (`man 5 proc`), and the largest that the kernel takes. */
const OOM_SCORE_ADDED = 800;
const OOM_SCORE_MAX = 1000;

/**
 * Makes the kernel end this process and its forks before the server when memory runs out, unless the server uses 80 % more of
 * the machine's memory. A server that its operator protects with a negative value keeps that for itself alone.
 *
 * All of them get one value: then the kernel takes the largest. An instance cannot raise its own above that of its zygote: no
 * fork can write `/proc`, which `bubblewrap` does not mount for them, Landlock closes, and which belongs to root for a
 * process that is not dumpable.
 */
export const DIES_BEFORE_SERVER = "{ read -r score </proc/self/oom_score_adj && " +
  `echo $((score < 0 ? ${OOM_SCORE_ADDED} : score > ${OOM_SCORE_MAX - OOM_SCORE_ADDED} ? ` +
  `${OOM_SCORE_MAX} : score + ${OOM_SCORE_ADDED})) >/proc/self/oom_score_adj || :; } 2>/dev/null`;

/** Unit of `ulimit -f`. */
const BLOCK_BYTES = 512;
const KIB = 1024;

/**
 * Joins the cgroups, lowers the priority, dies before the server, disables core dumps, and limits memory, processor time,
 * open files and written bytes. One shell does all of it, because each further program adds 0.7 ms to the start of a process.
 * @param file opened for reading at {@link FILE_DESCRIPTOR}
 */
export function limitResources(
  sh: string,
  { openFilesMax, fileBytesMax }: Profile,
  { dataBytes, cpuSeconds, openFilesMax: more, groupFiles = [] }: Confinement,
  file?: string,
): string[] {
  const limits = [
    "-c 0",
    `-f ${Math.ceil(fileBytesMax / BLOCK_BYTES)}`,
    ...(dataBytes === undefined ? [] : [`-d ${Math.ceil(dataBytes / KIB)}`]),
    ...(cpuSeconds === undefined ? [] : [`-t ${cpuSeconds}`]),
  ];
  const openFiles = `ulimit -n ${openFilesMax}`;
  const script = [
    JOIN_GROUPS,
    // With autogroup scheduling the kernel uses this value and ignores the niceness of processes.
    `{ echo ${NICENESS} >/proc/self/autogroup || :; } 2>/dev/null`,
    DIES_BEFORE_SERVER,
    more === undefined ? openFiles : `{ ulimit -n ${more} 2>/dev/null || ${openFiles}; }`,
    ...limits.map((limit) => `ulimit ${limit}`),
    file === undefined ? `exec "$@"` : `file=$1; shift; exec "$@" ${FILE_DESCRIPTOR}<"$file"`,
  ].join(" && ");
  return [sh, "-c", script, "sh", ...groupFiles, "--", ...(file === undefined ? [] : [file])];
}

/**
 * The parent death signal. It is sent when the thread that spawned the process ends. `Deno.Command` spawns on the main
 * thread, which ends with the server in every case.
 */
export const DIES_WITH_SERVER = ["--pdeathsig", "KILL"] as const;

/** Sets the user, no new privileges, and the options in `more`. */
export function setpriv(
  program: string,
  { isRoot }: Machine,
  identity: Identity,
  more: readonly string[],
): string[] {
  const user = identity === "nobody"
    ? [`--reuid=${NOBODY_ID}`, `--regid=${NOBODY_ID}`, "--clear-groups"]
    : [];
  const capabilities = isRoot ? ["--inh-caps=-all", "--bounding-set=-all"] : [];
  return [program, "--no-new-privs", ...user, ...capabilities, ...more, "--"];
}

/** The user of a process, described for the operator. */
export function describeIdentity({ isRoot }: Machine, identity: Identity): string {
  if (identity === "nobody") return `user ${NOBODY_ID} without capabilities`;
  return isRoot ? "the server's user root without capabilities" : "the server's own user";
}
