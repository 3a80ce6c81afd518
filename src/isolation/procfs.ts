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
