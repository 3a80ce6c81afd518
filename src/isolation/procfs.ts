/** Reads `/proc`. */

/** The lines of one process that is alive. Its group has an id in each namespace, the outermost first. */
const STATUS = /^\/proc\/(\d+)\/status:State:\t[^ZX].*\n\S*:PPid:\t(\d+)\n\S*:NSpgid:\t(\d+)/gm;

/**
 * The text of a file below `/proc`; undefined if it cannot be read. A child process reads it, because Deno opens files in
 * `/proc` only with all permissions, which the server does not have.
 */
export async function readProcfs(path: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("cat", {
      args: ["--", `/proc/${path}`],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** The texts of all files below `/proc` that can be read, one after the other. */
export async function readAllProcfs(paths: readonly string[]): Promise<string> {
  if (paths.length === 0) return "";
  const { stdout } = await new Deno.Command("cat", {
    args: ["--", ...paths.map((path) => `/proc/${path}`)],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

/** What the kernel knows of a process, with ids in the namespace of the server. */
export interface ProcessStatus {
  readonly parent: number;
  readonly group: number;
}

/** All processes by id, without those that have ended and wait to be reaped. */
export async function readStatuses(): Promise<ReadonlyMap<number, ProcessStatus>> {
  const { stdout } = await new Deno.Command("sh", {
    // The kernel escapes line breaks in names, so that no process can write a line.
    args: ["-c", "exec grep -E '^(State|PPid|NSpgid):' /proc/[0-9]*/status"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error("Cannot read the processes in /proc");
  return new Map(
    [...text.matchAll(STATUS)].map(([, pid, parent, group]) => [
      Number(pid),
      { parent: Number(parent), group: Number(group) },
    ]),
  );
}

/** The listing of `/proc/PID/fd` by `ls -l`: one line for each descriptor and its target. */
export async function listDescriptors(pid: number): Promise<string> {
  const { success, stdout } = await new Deno.Command("ls", {
    args: ["-l", "--", `/proc/${pid}/fd`],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  if (!success) throw new Error(`Cannot read the descriptors of process ${pid}`);
  return new TextDecoder().decode(stdout);
}
