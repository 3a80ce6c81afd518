/** Starts and ends processes as groups of their own. */
import { setPriority } from "node:os";

/**
 * How far these processes stand back behind the server where processors are short (`man 7 sched`): an answer that is
 * ready goes out before the next process starts. Measured in docs/performance.md.
 */
export const NICENESS = 5;

export interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  /** The `setsid` program, where there is one. */
  readonly setsid: string | undefined;
  readonly cwd: string;
  readonly stdin: "piped" | "null";
}

/**
 * Starts the command as the leader of a session and a group of its own, which is killed as one. Where there is
 * a `setsid` it is asked to do that: Deno's own way forks the server, pages and all, and blocks it for
 * milliseconds that grow with its memory.
 */
export function spawnGroup(
  command: readonly string[],
  { env, setsid, cwd, stdin }: SpawnOptions,
): Deno.ChildProcess {
  const [program, ...args] = setsid === undefined ? command : [setsid, ...command];
  if (program === undefined) throw new Error("Cannot start a process: the command line is empty");
  const child = new Deno.Command(program, {
    args,
    cwd,
    clearEnv: true,
    env: { ...env },
    stdin,
    stdout: "piped",
    stderr: "piped",
    detached: setsid === undefined,
  }).spawn();
  standBack(child.pid);
  return child;
}

/** Before the process has started any other, which then does the same. */
function standBack(pid: number): void {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // It has ended already.
  }
}

/**
 * Ends a process and its whole group. What is gone already is no error; a process that does not lead its
 * group yet has nobody else in it.
 */
export function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      Deno.kill(target, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
