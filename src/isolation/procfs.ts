/** Reads `/proc`. */

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
