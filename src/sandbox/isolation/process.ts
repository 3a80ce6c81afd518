/**
 * The isolation that needs no privilege: Deno's static deny flags, and on Linux resource limits, no new
 * privileges, and death together with the server.
 */
import type { Confinement, Isolation } from "./isolation.ts";

/** Open files; an idle process holds about 20. */
const OPEN_FILES_MAX = 256;

/**
 * `--pdeathsig` fires when the thread that spawned the process ends. `Deno.Command` spawns on the main
 * thread, which ends with the server however the server ends.
 */
const SETPRIV = ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"] as const;

/** No core dumps, and no byte written to any file: the cache directory was filled before. */
const PRLIMIT = ["prlimit", "--core=0", `--nofile=${OPEN_FILES_MAX}`] as const;

const confined: Isolation = {
  walls: "process (deno permissions, prlimit, no-new-privs)",
  wrap(command: readonly string[], { dataBytes }: Confinement): readonly string[] {
    const limits = dataBytes === undefined ? [] : [`--data=${dataBytes}`, "--fsize=0"];
    return [...SETPRIV, ...PRLIMIT, ...limits, "--", ...command];
  },
};

const bare: Isolation = {
  walls: "process (deno permissions only; setpriv and prlimit are missing, so memory outside " +
    "the V8 heap has no limit, and a killed server leaves running functions to their own end)",
  wrap: (command) => command,
};

async function runs(command: readonly string[]): Promise<boolean> {
  const [program, ...args] = command;
  if (program === undefined) return false;
  try {
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return (await child.output()).success;
  } catch {
    return false;
  }
}

/** Finds out which walls can stand on this machine. */
export async function detectProcessIsolation(): Promise<Isolation> {
  const works = Deno.build.os === "linux" && await runs(confined.wrap(["true"], {}));
  return works ? confined : bare;
}
