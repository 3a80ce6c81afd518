/** Reads what the kernel says of processes. */

/**
 * The text of a file below `/proc`, or undefined where there is none. Deno opens nothing there for a program that
 * was not given every permission, and the server is not: another program reads it.
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
