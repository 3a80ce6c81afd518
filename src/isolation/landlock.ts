/**
 * The mode for machines without namespaces: Landlock limits reads to the files of the process, and seccomp allows unix
 * sockets only.
 */
import type { Candidate, Confinement, Identity, Isolation, Profile } from "./isolation.ts";
import { type Machine, NOBODY_ID } from "./machine.ts";
import { describeIdentity, DIES_WITH_SERVER, limitResources, setpriv } from "./wrappers.ts";

const READ_FILE = "execute,read-file";
const READ_DIRECTORY = "read-file,read-dir";
const WRITE_DIRECTORY =
  "execute,read-file,read-dir,write-file,truncate,make-reg,make-dir,make-sym,make-sock,remove-file,remove-dir,refer";
/**
 * All rights that `setpriv` of util-linux 2.41 knows. `fs` alone would leave out those that the kernel lacks. A kernel before
 * Linux 6.2 lacks `truncate`, so that this mode is not available there.
 */
const HANDLED_ACCESSES = "execute,write-file,read-file,read-dir,remove-dir,remove-file," +
  "make-char,make-dir,make-reg,make-sock,make-fifo,make-block,make-sym,refer,truncate";
/** Devices that Deno or its libraries open. */
const DEVICES = { "/dev/null": "read-file,write-file", "/dev/urandom": "read-file" } as const;

/** The variants of this mode, the strongest first. */
export function landlockCandidates(machine: Machine, profile: Profile): readonly Candidate[] {
  const { setpriv, sh } = machine.programs;
  const impossible = (reason: string): Candidate[] => [
    { kind: "impossible", mode: "landlock", reason },
  ];
  if (Deno.build.os !== "linux") return impossible("it needs Linux");
  if (setpriv === undefined) {
    return impossible("setpriv was not found; install util-linux 2.41 or later");
  }
  if (sh === undefined) return impossible("sh was not found");
  return profile.identities.map((identity) => ({
    kind: "isolation",
    isolation: landlock(machine, profile, { setpriv, sh }, identity),
  }));
}

function landlock(
  machine: Machine,
  profile: Profile,
  programs: { readonly setpriv: string; readonly sh: string },
  identity: Identity,
): Isolation {
  return {
    mode: "landlock",
    description: `landlock (as ${describeIdentity(machine, identity)}, only its own files can be ` +
      `read, seccomp without network sockets, ulimit, ${profile.descriptions.inner})`,
    env: profile.env,
    expected: {
      seccomp: true,
      noNewPrivileges: true,
      uid: identity === "nobody" ? NOBODY_ID : undefined,
      noCapabilities: machine.isRoot,
      ownProcessNamespace: false,
    },
    egressPathInside: (egressSocket) => egressSocket,
    socketDirInside: (socketDir) => socketDir,
    wrap: (command, confinement) => [
      ...limitResources(programs.sh, profile, confinement),
      ...setpriv(programs.setpriv, machine, identity, [
        ...DIES_WITH_SERVER,
        ...["--landlock-access", `fs:${HANDLED_ACCESSES}`],
        ...rules(machine, profile, confinement),
        ...["--seccomp-filter", confinement.seccompFile ?? profile.seccompFile],
      ]),
      ...command,
    ],
  };
}

/** The egress socket needs no rule: Landlock does not check connections to unix sockets. */
function rules(
  { deno, libraries }: Machine,
  { readable }: Profile,
  { writable = [] }: Confinement,
): string[] {
  const allowed: Readonly<Record<string, string>> = {
    ...Object.fromEntries([deno, ...libraries].map((path) => [path, READ_FILE])),
    ...Object.fromEntries(readable.map((path) => [path, READ_DIRECTORY])),
    ...Object.fromEntries(writable.map((path) => [path, WRITE_DIRECTORY])),
    ...DEVICES,
  };
  return Object.entries(allowed).flatMap(([path, accesses]) => [
    "--landlock-rule",
    `path-beneath:${accesses}:${path}`,
  ]);
}
