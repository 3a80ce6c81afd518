/** The browser of the user. */

/** The programs that open an address in the browser, by operating system. */
const OPENERS: Readonly<Record<string, string>> = { linux: "xdg-open", darwin: "open" };

/**
 * Opens an address in the browser, if somebody is at the terminal. Without a browser nothing happens: the caller prints
 * the address, too.
 * @param url of the scheme http or https
 */
export function openBrowser(url: string): void {
  const opener = OPENERS[Deno.build.os];
  if (opener === undefined || !Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return;
  try {
    const command = new Deno.Command(opener, {
      args: [url],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    command.spawn().unref();
  } catch (error) {
    // No such program, or one that may not run.
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
  }
}
