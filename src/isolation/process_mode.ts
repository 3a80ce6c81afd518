/**
 * The mode for any machine: the isolation of the process itself. On Linux also resource limits, no new privileges, a seccomp
 * filter, and a parent death signal.
 */
import type { Candidate, Expected, Isolation, Profile } from "./isolation.ts";
import { type Machine, NOBODY_ID } from "./machine.ts";
import {
  describeIdentity,
  DIES_BEFORE_SERVER,
  DIES_WITH_SERVER,
  limitResources,
  setpriv,
} from "./wrappers.ts";

const NOTHING_EXPECTED: Expected = {
  seccomp: false,
  noNewPrivileges: false,
  uid: undefined,
  noCapabilities: false,
  ownProcessNamespace: false,
};

/** The variants of this mode, the strongest first. The last one is always available. */
export function processCandidates(machine: Machine, profile: Profile): readonly Candidate[] {
  return [...confined(machine, profile), bare(machine, profile)]
    .map((isolation) => ({ kind: "isolation", isolation }));
}

function confined(machine: Machine, profile: Profile): readonly Isolation[] {
  const { setpriv: setprivPath, sh } = machine.programs;
  const { inner, withoutSeccomp } = profile.descriptions;
  if (Deno.build.os !== "linux" || setprivPath === undefined || sh === undefined) return [];
  return [true, false].flatMap((seccomp) =>
    profile.identities.map((identity): Isolation => ({
      mode: "process",
      description: `process (as ${describeIdentity(machine, identity)}, ` +
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
      socketDirInside: (socketDir) => socketDir,
      wrap: (command, confinement) => [
        ...limitResources(sh, profile, confinement),
        ...setpriv(
          setprivPath,
          machine,
          identity,
          [
            ...DIES_WITH_SERVER,
            ...(seccomp
              ? ["--seccomp-filter", confinement.seccompFile ?? profile.seccompFile]
              : []),
          ],
        ),
        ...command,
      ],
    }))
  );
}

function bare({ programs: { sh } }: Machine, { env, descriptions: words }: Profile): Isolation {
  const wrapper = Deno.build.os === "linux" && sh !== undefined
    ? [sh, "-c", `${DIES_BEFORE_SERVER}; exec "$@"`, "sh"]
    : [];
  return {
    mode: "process",
    description: `process (${words.inner} ONLY; without setpriv ${words.withoutLimits}, ` +
      `and ${words.withoutSeccomp})`,
    env,
    expected: NOTHING_EXPECTED,
    egressPathInside: (egressSocket) => egressSocket,
    socketDirInside: (socketDir) => socketDir,
    wrap: (command) => [...wrapper, ...command],
  };
}
