/**
 * The isolation that needs no privilege: Deno's static deny flags, and on Linux resource limits, no new
 * privileges, and death together with the server.
 */
import { join } from "node:path";
import type { Confinement, Isolation } from "./isolation.ts";
import { unixSocketsFilter } from "./unix_sockets.ts";

/** Open files; an idle process holds about 20. */
const OPEN_FILES_MAX = 256;

/**
 * `--pdeathsig` fires when the thread that spawned the process ends. `Deno.Command` spawns on the main
 * thread, which ends with the server however the server ends.
 */
const SETPRIV = ["setpriv", "--pdeathsig", "KILL", "--no-new-privs"] as const;

/** No core dumps, and no byte written to any file: the cache directory was filled before. */
const PRLIMIT = ["prlimit", "--core=0", `--nofile=${OPEN_FILES_MAX}`] as const;

/** Said of every variant in which only Deno's permissions keep a function from the network. */
const NO_SECCOMP =
  "NO seccomp: fetch and WebSocket reach nothing, whatever a function's allowlist says";

function confined(filterFile: string | undefined): Isolation {
  const seccomp = filterFile === undefined ? [] : ["--seccomp-filter", filterFile];
  return {
    walls: `process (deno permissions, prlimit, no-new-privs, ${
      filterFile === undefined ? NO_SECCOMP : "seccomp without network sockets"
    })`,
    expected: { seccomp: filterFile !== undefined },
    egressPathInside: (egressSocket) => egressSocket,
    wrap(command: readonly string[], { dataBytes }: Confinement): readonly string[] {
      const limits = dataBytes === undefined ? [] : [`--data=${dataBytes}`, "--fsize=0"];
      return [...SETPRIV, ...seccomp, "--", ...PRLIMIT, ...limits, "--", ...command];
    },
  };
}

const bare: Isolation = {
  walls: "process (deno permissions only; setpriv and prlimit are missing, so memory outside " +
    "the V8 heap has no limit, and a killed server leaves running functions to their own end; " +
    `${NO_SECCOMP})`,
  expected: { seccomp: false },
  egressPathInside: (egressSocket) => egressSocket,
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

/** Finds out which walls can stand on this machine. `directory` keeps what they are made of. */
export async function detectProcessIsolation(directory: string): Promise<Isolation> {
  if (Deno.build.os !== "linux") return bare;
  const filterFile = join(directory, "unix-sockets.bpf");
  await Deno.writeFile(filterFile, unixSocketsFilter());
  for (const isolation of [confined(filterFile), confined(undefined)]) {
    if (await runs(isolation.wrap(["true"], {}))) return isolation;
  }
  return bare;
}
