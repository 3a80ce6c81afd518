/**
 * The isolation for machines that allow no namespaces: Landlock leaves the runtime's own files alone readable, and
 * the seccomp filter leaves no socket but unix ones.
 */
import type { Candidate, Isolation } from "./isolation.ts";
import { NOBODY_ID, type Surroundings } from "./surroundings.ts";
import {
  identities,
  type Identity,
  identityInWords,
  prlimit,
  processEnv,
  setpriv,
} from "./wrappers.ts";

const READ_FILE = "execute,read-file";
const READ_DIRECTORY = "read-file,read-dir";
/** Devices that Deno or its libraries open. */
const DEVICES = { "/dev/null": "read-file,write-file", "/dev/urandom": "read-file" } as const;

/** The variants of this mode, the strongest first. */
export function landlockCandidates(around: Surroundings): readonly Candidate[] {
  const { setpriv, prlimit } = around.programs;
  const impossible = (reason: string): Candidate[] => [
    { kind: "impossible", mode: "landlock", reason },
  ];
  if (Deno.build.os !== "linux") return impossible("it needs Linux");
  if (setpriv === undefined || prlimit === undefined) {
    return impossible("setpriv or prlimit was not found; install util-linux 2.41 or later");
  }
  return identities(around).map((identity) => ({
    kind: "isolation",
    isolation: landlock(around, { setpriv, prlimit }, identity),
  }));
}

function landlock(
  around: Surroundings,
  programs: { readonly setpriv: string; readonly prlimit: string },
  identity: Identity,
): Isolation {
  return {
    mode: "landlock",
    walls: `landlock (as ${identityInWords(around, identity)}, only the runtime's files can be ` +
      "read, seccomp without network sockets, prlimit, deno permissions)",
    env: processEnv(around),
    expected: {
      seccomp: true,
      noNewPrivileges: true,
      uid: identity === "nobody" ? NOBODY_ID : undefined,
      noCapabilities: around.isRoot,
      ownProcessNamespace: false,
    },
    egressPathInside: (egressSocket) => egressSocket,
    wrap: (command, confinement) => [
      ...prlimit(programs.prlimit, confinement),
      ...setpriv(programs.setpriv, around, identity, [
        ...["--landlock-access", "fs"],
        ...rules(around),
        ...["--seccomp-filter", around.seccompFile],
      ]),
      ...command,
    ],
  };
}

/** Connecting to a unix socket is no access that Landlock asks for, so the way out needs no rule. */
function rules({ deno, libraries, runtimeDir, denoDir }: Surroundings): string[] {
  const allowed: Readonly<Record<string, string>> = {
    ...Object.fromEntries([deno, ...libraries].map((path) => [path, READ_FILE])),
    [runtimeDir]: READ_DIRECTORY,
    [denoDir]: READ_DIRECTORY,
    ...DEVICES,
  };
  return Object.entries(allowed).flatMap(([path, accesses]) => [
    "--landlock-rule",
    `path-beneath:${accesses}:${path}`,
  ]);
}
