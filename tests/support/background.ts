/** Programs that run in the background of a test file, and may outlive it. */

/** A shell that ends at once leaves the program to init. */
const IN_BACKGROUND = `out=$1 log=$2 pid=$3; shift 3
"$@" >"$out" 2>"$log" </dev/null & echo $! >"$pid"`;

/** Files that a program in the background writes. */
interface Outputs {
  readonly out: string;
  readonly log: string;
  /** Receives the process id. */
  readonly pidFile: string;
}

/** Starts a program in the background; answers its process id. */
export async function startInBackground(
  command: readonly string[],
  { out, log, pidFile }: Outputs,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  await new Deno.Command("sh", {
    args: ["-c", IN_BACKGROUND, "sh", out, log, pidFile, ...command],
    clearEnv: true,
    env,
  }).output();
  return Number(await Deno.readTextFile(pidFile));
}
