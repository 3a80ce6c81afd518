/**
 * The isolation that any machine can stand: what the process has by itself, and on Linux resource limits, no new
 * privileges, a seccomp filter, and death together with the server.
 */
import type { Candidate, Expected, Isolation, Profile } from "./isolation.ts";
import { type Machine, NOBODY_ID } from "./machine.ts";
import { DIES_WITH_SERVER, identityInWords, limited, setpriv } from "./wrappers.ts";

const NOTHING_EXPECTED: Expected = {
  seccomp: false,
  noNewPrivileges: false,
  uid: undefined,
  noCapabilities: false,
  ownProcessNamespace: false,
};

/** The variants of this mode, the strongest first; the last one always stands. */
export function processCandidates(machine: Machine, profile: Profile): readonly Candidate[] {
  return [...confined(machine, profile), bare(profile)]
    .map((isolation) => ({ kind: "isolation", isolation }));
}

/** What the runtime itself runs in once, to fill its cache: it writes, and runs no code of a function. */
export function trusted(
  { programs: { setpriv: setprivPath } }: Machine,
  profile: Profile,
): Isolation {
  return {
    ...bare(profile),
    wrap: (command) =>
      setprivPath === undefined
        ? command
        : [setprivPath, "--pdeathsig", "KILL", "--no-new-privs", "--", ...command],
  };
}

function confined(machine: Machine, profile: Profile): readonly Isolation[] {
  const { setpriv: setprivPath, sh } = machine.programs;
  const { inner, withoutSeccomp } = profile.words;
  if (Deno.build.os !== "linux" || setprivPath === undefined || sh === undefined) return [];
  return [true, false].flatMap((seccomp) =>
    profile.identities.map((identity): Isolation => ({
      mode: "process",
      walls: `process (as ${identityInWords(machine, identity)}, ` +
        (seccomp
          ? `seccomp without network sockets, ulimit, ${inner})`
          : `ulimit, ${inner}; NO seccomp, as setpriv is older than util-linux 2.41: ${withoutSeccomp})`),
      env: profile.env,
      expected: {
        seccomp,
        noNewPrivileges: true,
        uid: identity === "nobody" ? NOBODY_ID : undefined,
        noCapabilities: machine.isRoot,
        ownProcessNamespace: false,
      },
      egressPathInside: (egressSocket) => egressSocket,
      wrap: (command, confinement) => [
        ...limited(sh, profile, confinement),
        ...setpriv(
          setprivPath,
          machine,
          identity,
          [...DIES_WITH_SERVER, ...(seccomp ? ["--seccomp-filter", profile.seccompFile] : [])],
        ),
        ...command,
      ],
    }))
  );
}

function bare({ env, words }: Profile): Isolation {
  return {
    mode: "process",
    walls: `process (${words.inner} ONLY; without setpriv ${words.withoutLimits}, ` +
      `and ${words.withoutSeccomp})`,
    env,
    expected: NOTHING_EXPECTED,
    egressPathInside: (egressSocket) => egressSocket,
    wrap: (command) => command,
  };
}
