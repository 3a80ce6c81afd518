/** Starts and ends processes as groups of their own. */
import { setPriority } from "node:os";

/**
 * Niceness of these processes (`man 7 sched`). On a busy machine the server goes first: it sends an answer before the
 * next process starts. Measured in bench/README.md.
 */
export const NICENESS = 5;

interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Path of the `setsid` program. */
  readonly setsid: string | undefined;
  readonly cwd: string;
  readonly stdin: "piped" | "null";
}

/**
 * Starts the command as the leader of a session and process group. `setsid` does that if it is installed. Deno's
 * `detached` forks the server and blocks it for milliseconds that grow with its memory.
 */
export function spawnGroup(
  command: readonly string[],
  { env, setsid, cwd, stdin }: SpawnOptions,
): Deno.ChildProcess {
  const [program, ...args] = setsid === undefined ? command : [setsid, ...command];
  if (program === undefined) throw new Error("The command line of the process is empty");
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
  // Before the process starts children, which inherit the priority.
  lowerPriority(child.pid, NICENESS);
  return child;
}

/** Lets other processes go before this one, as far as the server may change that. */
export function lowerPriority(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // The process belongs to another user, or has ended.
  }
}

/**
 * Kills a process and its group. A process that has ended is not an error. A process that does not lead its group yet
 * has no children.
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
