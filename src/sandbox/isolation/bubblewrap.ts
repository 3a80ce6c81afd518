/**
 * The strongest isolation: namespaces of its own for users, processes, network, mounts, IPC, host name and
 * cgroups, and a read-only root that holds the runtime alone.
 */
import { type Candidate, EGRESS_SOCKET_INSIDE, type Isolation } from "./isolation.ts";
import { NOBODY_ID, type Programs, type Surroundings } from "./surroundings.ts";
import { identities, type Identity, prlimit, processEnv, setpriv } from "./wrappers.ts";

const HOST_NAME = "function";
/** The loader's index of libraries in unusual places. */
const LOADER_CACHE = "/etc/ld.so.cache";

/** bubblewrap takes the filter from a descriptor, and only a shell opens one for the program it becomes. */
const FILTER_DESCRIPTOR = "9";
const WITH_FILTER = `file=$1; shift; exec "$@" ${FILTER_DESCRIPTOR}<"$file"`;

type Needed = { readonly [Name in Exclude<keyof Programs, "setsid">]: string };

/** The variants of this mode, the strongest first. */
export function bubblewrapCandidates(around: Surroundings): readonly Candidate[] {
  const { bwrap, setpriv, prlimit, sh } = around.programs;
  const impossible = (reason: string): Candidate[] => [
    { kind: "impossible", mode: "bubblewrap", reason },
  ];
  if (Deno.build.os !== "linux") return impossible("it needs Linux");
  if (bwrap === undefined) return impossible("bwrap was not found; install bubblewrap");
  if (setpriv === undefined || prlimit === undefined || sh === undefined) {
    return impossible("setpriv or prlimit was not found; install util-linux");
  }
  const programs = { bwrap, setpriv, prlimit, sh };
  return identities(around).map((identity) => ({
    kind: "isolation",
    isolation: bubblewrap(around, programs, identity),
  }));
}

function bubblewrap(around: Surroundings, programs: Needed, identity: Identity): Isolation {
  const env = processEnv(around);
  const user = identity === "own" && around.isRoot
    ? `user ${NOBODY_ID} inside and root outside`
    : `user ${NOBODY_ID}`;
  return {
    mode: "bubblewrap",
    walls: `bubblewrap (own namespaces without a network, read-only root, ${user}, ` +
      "no capabilities, seccomp, prlimit, deno permissions)",
    env,
    expected: {
      seccomp: true,
      noNewPrivileges: true,
      uid: identity === "nobody" ? NOBODY_ID : undefined,
      noCapabilities: true,
      ownProcessNamespace: true,
    },
    egressPathInside: () => EGRESS_SOCKET_INSIDE,
    wrap: (command, confinement) => [
      ...prlimit(programs.prlimit, confinement),
      ...[programs.sh, "-c", WITH_FILTER, "sh", around.seccompFile],
      ...(identity === "nobody" ? setpriv(programs.setpriv, around, identity, []) : []),
      programs.bwrap,
      ...flags(around, confinement.env ?? env, confinement.egressSocket),
      "--",
      ...command,
    ],
  };
}

/**
 * No `--new-session`: every process is started as the leader of a session of its own, without a terminal, and the
 * kill of its group has to reach all of it. As process 1 of its namespace Deno leaves no bubblewrap to look at.
 */
function flags(
  { deno, libraries, runtimeDir, denoDir }: Surroundings,
  env: Readonly<Record<string, string>>,
  egressSocket: string | undefined,
): string[] {
  const readable = [deno, ...libraries, runtimeDir, denoDir];
  return [
    "--unshare-all",
    "--die-with-parent",
    "--as-pid-1",
    ...["--hostname", HOST_NAME],
    ...["--uid", `${NOBODY_ID}`, "--gid", `${NOBODY_ID}`],
    ...["--cap-drop", "ALL"],
    ...["--seccomp", FILTER_DESCRIPTOR],
    "--clearenv",
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...readable.flatMap((path) => ["--ro-bind", path, path]),
    ...["--ro-bind-try", LOADER_CACHE, LOADER_CACHE],
    ...["--dev", "/dev", "--proc", "/proc"],
    ...(egressSocket === undefined ? [] : ["--bind", egressSocket, EGRESS_SOCKET_INSIDE]),
    ...["--chdir", "/"],
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
  ];
}
