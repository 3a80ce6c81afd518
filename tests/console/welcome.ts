/** The commands that the first page shows, run as a reader pastes them in the server's folder. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { PRIVATE_DIR } from "../../src/cli/folder/editor.ts";
import type { Page } from "../support/console.ts";
import { shareDownloads } from "../support/downloads.ts";
import { COMMAND_ENV, INVOKED, makeTempDir, type Run } from "../support/invoked.ts";
import { type Served, startOnce } from "../support/server.ts";

/** How long the commands of one block may take; a bound for what hangs, not a measurement. */
const PASTE_TIMEOUT_S = 300;

/** Runs lines that a shell reads as from a terminal: a command could take the next one as its input. */
async function paste(shell: string, lines: string, folder: string): Promise<Run> {
  // Ends the shell with its commands: what one of them waits for may never come.
  const process = new Deno.Command("timeout", {
    args: ["--kill-after=10", String(PASTE_TIMEOUT_S), shell, "-s"],
    cwd: folder,
    clearEnv: true,
    env: { ...COMMAND_ENV, HOME: folder },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Response(`${lines}\n`).body?.pipeTo(process.stdin);
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The folder that the page speaks of has the command, and the data of the server. */
export async function runsAsPasted(page: Page, server: Served): Promise<void> {
  await using directory = await makeTempDir();
  await Deno.mkdir(join(directory.path, "bin"));
  await Deno.symlink(INVOKED, join(directory.path, "bin", "invoked"));
  await Deno.symlink(server.dataDir, join(directory.path, ".invoked"));
  // The folder that the last commands make: `init` accepts a folder that has none of its files.
  await shareDownloads(join(directory.path, "greet", PRIVATE_DIR), startOnce);
  const run = async (shell: string, label: string) => {
    const lines = await page.getByLabel(label, { exact: true }).innerText();
    const { code, stdout, stderr } = await paste(shell, lines, directory.path);
    assert.equal(code, 0, `${label} in ${shell}: ${stdout}${stderr}`);
    return stdout;
  };
  await page.getByText(`invoked login --server ${server.url}`).waitFor();
  for (const shell of ["sh", "bash"]) {
    const { json } = JSON.parse(await run(shell, "requests with curl"));
    assert.deepEqual(JSON.parse(atob(json)), { message: "Hello, world!" });
    assert.match(await run(shell, "an invocation with the command line"), /"Hello, world!"/);
  }
  assert.match(await run("sh", "the first commands"), /"Hello, Ada!"/);
}
