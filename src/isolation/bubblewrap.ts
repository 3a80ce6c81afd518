/**
 * The strongest mode: separate namespaces for users, processes, network, mounts, IPC, host name and cgroups, and a
 * read-only root with the runtime alone.
 */
import {
  type Candidate,
  type Confinement,
  EGRESS_SOCKET_INSIDE,
  type Identity,
  type Isolation,
  type Profile,
  SOCKETS_INSIDE,
} from "./isolation.ts";
import { type Machine, NOBODY_ID, type Programs } from "./machine.ts";
import { LOADER_CACHE, NULL_DEVICE } from "./root.ts";
import { FILE_DESCRIPTOR, limitResources, setpriv } from "./wrappers.ts";

type RequiredPrograms = { readonly [Name in Exclude<keyof Programs, "setsid">]: string };

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
  // Podman's default seccomp profile allows everything but a host name.
  const hostNames = [profile.hostName, undefined];
  return profile.identities.flatMap((identity) =>
    hostNames.map((hostName) => ({
      kind: "isolation",
      isolation: bubblewrap(machine, profile, programs, { identity, hostName }),
    }))
  );
}

interface Variant {
  readonly identity: Identity;
  /** Undefined where native code sees the name of the machine. */
  readonly hostName: string | undefined;
}

function bubblewrap(
  machine: Machine,
  profile: Profile,
  programs: RequiredPrograms,
  { identity, hostName }: Variant,
): Isolation {
  const user = identity === "own" && machine.isRoot
    ? `user ${NOBODY_ID} inside and root outside`
    : `user ${NOBODY_ID}`;
  return {
    mode: "bubblewrap",
    description: `bubblewrap (own namespaces without a network, read-only root, ${user}, ` +
      `${hostName === undefined ? "the machine's host name, " : ""}` +
      `no capabilities, seccomp, ulimit, ${profile.descriptions.inner})`,
    env: profile.env,
    expected: {
      seccomp: true,
      noNewPrivileges: true,
      uid: identity === "nobody" ? NOBODY_ID : undefined,
      noCapabilities: true,
      ownProcessNamespace: true,
    },
    egressPathInside: () => EGRESS_SOCKET_INSIDE,
    socketDirInside: () => SOCKETS_INSIDE,
    wrap: (command, confinement) => [
      ...limitResources(
        programs.sh,
        profile,
        confinement,
        confinement.seccompFile ?? profile.seccompFile,
      ),
      ...(identity === "nobody" ? setpriv(programs.setpriv, machine, identity, []) : []),
      programs.bwrap,
      ...flags(machine, profile, confinement, hostName),
      "--",
      ...command,
    ],
  };
}

/**
 * Only bubblewrap itself may set the parent death signal. If it is killed between its fork and the set-up of its child,
 * the child waits forever. If the server ends before that, stdin closes, and an idle process ends at the end of stdin.
 *
 * Without `--new-session`: every process already leads a session without a terminal, and the kill of its group must
 * reach the whole tree. With `--as-pid-1` Deno is process 1 of its namespace and cannot inspect bubblewrap.
 */
function flags(
  machine: Machine,
  profile: Profile,
  confinement: Confinement,
  hostName: string | undefined,
): string[] {
  const { env = profile.env, egressSocket, socketDir, cwd = "/" } = confinement;
  return [
    "--unshare-all",
    "--die-with-parent",
    "--as-pid-1",
    ...(hostName === undefined ? [] : ["--hostname", hostName]),
    ...["--uid", `${NOBODY_ID}`, "--gid", `${NOBODY_ID}`],
    ...["--cap-drop", "ALL"],
    ...["--seccomp", FILE_DESCRIPTOR],
    "--clearenv",
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...(profile.root === undefined
      ? assembledRoot(machine, profile, confinement)
      : madeRoot(profile.root, machine, profile)),
    ...(egressSocket === undefined ? [] : ["--bind", egressSocket, EGRESS_SOCKET_INSIDE]),
    ...(socketDir === undefined ? [] : ["--ro-bind", socketDir, SOCKETS_INSIDE]),
    ...["--chdir", cwd],
    ...(profile.root === undefined ? ["--remount-ro", "/dev", "--remount-ro", "/"] : []),
  ];
}

/** Mounts all visible paths, devices and `/proc` in an empty root. */
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
