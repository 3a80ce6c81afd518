/**
 * The isolation that any machine can stand: Deno's static deny flags, and on Linux resource limits, no new
 * privileges, a seccomp filter, and death together with the server.
 */
import type { Candidate, Expected, Isolation } from "./isolation.ts";
import { NOBODY_ID, type Surroundings } from "./surroundings.ts";
import { identities, identityInWords, prlimit, processEnv, setpriv } from "./wrappers.ts";

const NOTHING_EXPECTED: Expected = {
  seccomp: false,
  noNewPrivileges: false,
  uid: undefined,
  noCapabilities: false,
  ownProcessNamespace: false,
};

/** The variants of this mode, the strongest first; the last one always stands. */
export function processCandidates(around: Surroundings): readonly Candidate[] {
  return [...confined(around), bare(around)]
    .map((isolation) => ({ kind: "isolation", isolation }));
}

/** What the runtime itself runs in once, to fill its cache: it writes, and runs no code of a function. */
export function trusted(around: Surroundings): Isolation {
  const { setpriv: setprivPath } = around.programs;
  const wrapped: Isolation = {
    ...bare(around),
    wrap: (command) =>
      setprivPath === undefined
        ? command
        : [setprivPath, "--pdeathsig", "KILL", "--no-new-privs", "--", ...command],
  };
  return wrapped;
}

function confined(around: Surroundings): readonly Isolation[] {
  const { setpriv: setprivPath, prlimit: prlimitPath } = around.programs;
  if (Deno.build.os !== "linux" || setprivPath === undefined || prlimitPath === undefined) {
    return [];
  }
  return [true, false].flatMap((seccomp) =>
    identities(around).map((identity): Isolation => ({
      mode: "process",
      walls: `process (as ${identityInWords(around, identity)}, ` +
        (seccomp
          ? "seccomp without network sockets, prlimit, deno permissions)"
          : "prlimit, deno permissions; NO seccomp: setpriv is older than util-linux 2.41)"),
      env: processEnv(around),
      expected: {
        seccomp,
        noNewPrivileges: true,
        uid: identity === "nobody" ? NOBODY_ID : undefined,
        noCapabilities: around.isRoot,
        ownProcessNamespace: false,
      },
      egressPathInside: (egressSocket) => egressSocket,
      wrap: (command, confinement) => [
        ...prlimit(prlimitPath, confinement),
        ...setpriv(
          setprivPath,
          around,
          identity,
          seccomp ? ["--seccomp-filter", around.seccompFile] : [],
        ),
        ...command,
      ],
    }))
  );
}

function bare(around: Surroundings): Isolation {
  return {
    mode: "process",
    walls: "process (deno permissions ONLY; without setpriv and prlimit memory outside the V8 " +
      "heap has no limit, and a killed server leaves running functions to their own end)",
    env: processEnv(around),
    expected: NOTHING_EXPECTED,
    egressPathInside: (egressSocket) => egressSocket,
    wrap: (command) => command,
  };
}
