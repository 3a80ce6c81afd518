/**
 * The strongest isolation: namespaces of its own for users, processes, network, mounts, IPC, host name and
 * cgroups, and a read-only root that holds the runtime alone.
 */
import {
  type Candidate,
  type Confinement,
  EGRESS_SOCKET_INSIDE,
  type Identity,
  type Isolation,
  type Profile,
} from "./isolation.ts";
import { type Machine, NOBODY_ID, type Programs } from "./machine.ts";
import { LOADER_CACHE, NULL_DEVICE } from "./root.ts";
import { FILE_DESCRIPTOR, limited, setpriv } from "./wrappers.ts";

type Needed = { readonly [Name in Exclude<keyof Programs, "setsid">]: string };

/** The variants of this mode, the strongest first. */
export function bubblewrapCandidates(machine: Machine, profile: Profile): readonly Candidate[] {
  const { bwrap, setpriv, sh } = machine.programs;
  const impossible = (reason: string): Candidate[] => [
    { kind: "impossible", mode: "bubblewrap", reason },
  ];
  if (Deno.build.os !== "linux") return impossible("it needs Linux");
  if (bwrap === undefined) return impossible("bwrap was not found; install bubblewrap");
  if (setpriv === undefined) return impossible("setpriv was not found; install util-linux");
  if (sh === undefined) return impossible("sh was not found");
  const programs = { bwrap, setpriv, sh };
  return profile.identities.map((identity) => ({
    kind: "isolation",
    isolation: bubblewrap(machine, profile, programs, identity),
  }));
}

function bubblewrap(
  machine: Machine,
  profile: Profile,
  programs: Needed,
  identity: Identity,
): Isolation {
  const user = identity === "own" && machine.isRoot
    ? `user ${NOBODY_ID} inside and root outside`
    : `user ${NOBODY_ID}`;
  return {
    mode: "bubblewrap",
    walls: `bubblewrap (own namespaces without a network, read-only root, ${user}, ` +
      `no capabilities, seccomp, ulimit, ${profile.words.inner})`,
    env: profile.env,
    expected: {
      seccomp: true,
      noNewPrivileges: true,
      uid: identity === "nobody" ? NOBODY_ID : undefined,
      noCapabilities: true,
      ownProcessNamespace: true,
    },
    egressPathInside: () => EGRESS_SOCKET_INSIDE,
    wrap: (command, confinement) => [
      ...limited(programs.sh, profile, confinement, profile.seccompFile),
      ...(identity === "nobody" ? setpriv(programs.setpriv, machine, identity, []) : []),
      programs.bwrap,
      ...flags(machine, profile, confinement),
      "--",
      ...command,
    ],
  };
}

/**
 * bubblewrap itself looks to the death together with the server, and nobody may before: killed between its fork and
 * the set-up of its child it would leave that waiting for ever. A server that is gone by then has closed stdin, at
 * whose end an idle process ends.
 *
 * No `--new-session`: every process is started as the leader of a session of its own, without a terminal, and the
 * kill of its group has to reach all of it. As process 1 of its namespace Deno leaves no bubblewrap to look at.
 */
function flags(
  machine: Machine,
  profile: Profile,
  confinement: Confinement,
): string[] {
  const { env = profile.env, egressSocket, cwd = "/" } = confinement;
  return [
    "--unshare-all",
    "--die-with-parent",
    "--as-pid-1",
    ...["--hostname", profile.hostName],
    ...["--uid", `${NOBODY_ID}`, "--gid", `${NOBODY_ID}`],
    ...["--cap-drop", "ALL"],
    ...["--seccomp", FILE_DESCRIPTOR],
    "--clearenv",
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...(profile.root === undefined
      ? assembledRoot(machine, profile, confinement)
      : madeRoot(profile.root, machine, profile)),
    ...(egressSocket === undefined ? [] : ["--bind", egressSocket, EGRESS_SOCKET_INSIDE]),
    ...["--chdir", cwd],
    ...(profile.root === undefined ? ["--remount-ro", "/dev", "--remount-ro", "/"] : []),
  ];
}

/** Everything that may be seen, mounted in an empty root, with devices and processes. */
function assembledRoot(
  { deno, libraries }: Machine,
  profile: Profile,
  { writable = [] }: Confinement,
): string[] {
  return [
    ...[deno, ...libraries, ...profile.readable].flatMap((path) => ["--ro-bind", path, path]),
    ...writable.flatMap((path) => ["--bind", path, path]),
    ...["--ro-bind-try", LOADER_CACHE, LOADER_CACHE],
    ...["--dev", "/dev", "--proc", "/proc"],
  ];
}

function madeRoot(root: string, { deno }: Machine, { readable }: Profile): string[] {
  return [
    ...["--ro-bind", root, "/"],
    ...[deno, ...readable].flatMap((path) => ["--ro-bind", path, path]),
    ...["--dev-bind", NULL_DEVICE, NULL_DEVICE],
  ];
}
