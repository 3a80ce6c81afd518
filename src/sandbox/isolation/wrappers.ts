/** The wrappers that several modes share: each turns into the next program by `exec` and leaves no process. */
import type { Confinement } from "./isolation.ts";
import { NOBODY_ID, type Surroundings } from "./surroundings.ts";

/** Open files; an idle process holds about 20. */
const OPEN_FILES_MAX = 256;

/** Whose process it is. `nobody` takes a server that is root; `own` also loses what root may do. */
export type Identity = "nobody" | "own";

/** Identities to try, the stronger first. */
export function identities({ isRoot }: Surroundings): readonly Identity[] {
  return isRoot ? ["nobody", "own"] : ["own"];
}

/** No core dumps, and no byte written to any file: the cache directory was filled before. */
export function prlimit(program: string, { dataBytes, cpuSeconds }: Confinement): string[] {
  return [
    program,
    "--core=0",
    `--nofile=${OPEN_FILES_MAX}`,
    ...(dataBytes === undefined ? [] : [`--data=${dataBytes}`, "--fsize=0"]),
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}`]),
    "--",
  ];
}

/**
 * Death together with the server, and the identity. `--pdeathsig` fires when the thread that spawned the process
 * ends: `Deno.Command` spawns on the main thread, which ends with the server however the server ends.
 */
export function setpriv(
  program: string,
  { isRoot }: Surroundings,
  identity: Identity,
  more: readonly string[],
): string[] {
  const user = identity === "nobody"
    ? [`--reuid=${NOBODY_ID}`, `--regid=${NOBODY_ID}`, "--clear-groups"]
    : [];
  const powers = isRoot ? ["--inh-caps=-all", "--bounding-set=-all"] : [];
  return [program, "--pdeathsig", "KILL", "--no-new-privs", ...user, ...powers, ...more, "--"];
}

/** The identity in words. */
export function identityInWords({ isRoot }: Surroundings, identity: Identity): string {
  if (identity === "nobody") return `user ${NOBODY_ID} without capabilities`;
  return isRoot ? "the server's user root without capabilities" : "the server's own user";
}

/** The environment of a process, and all that it shares with its wrappers. None of it is a secret. */
export function processEnv({ denoDir }: Surroundings): Readonly<Record<string, string>> {
  return { DENO_DIR: denoDir, NO_COLOR: "1", TZ: "UTC" };
}
