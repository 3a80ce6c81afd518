/**
 * Runs `invoked` commands one after another in one process, which loads the command line once. Each connection to the
 * socket named in the arguments brings a command with its directory and environment; the answer is its exit code.
 */
import { runCommand } from "../../src/cli/mod.ts";

export interface HostedCommand {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** As long as a test file may take: longer, and a command hangs, or a test process that was killed left its host behind. */
const ALIVE_MS = 900_000;
const CHUNK_BYTES = 65_536;

/** @param path of the socket @param ready a file that appears once commands may connect to the socket */
async function main(path: string, ready: string): Promise<void> {
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.writeTextFile(ready, "");
  let end = endLater();
  for await (using connection of listener) {
    clearTimeout(end);
    end = endLater();
    const { args, cwd, env }: HostedCommand = JSON.parse(await readLine(connection));
    for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
    for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
    Deno.chdir(cwd);
    const code = await runCommand(args);
    await connection.write(new TextEncoder().encode(`${code}\n`));
  }
}

function endLater(): ReturnType<typeof setTimeout> {
  return setTimeout(() => {
    console.error(`No other command came within ${ALIVE_MS / 1000} s`);
    Deno.exit(1);
  }, ALIVE_MS);
}

/** The end of the stream would close the connection. */
async function readLine(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let line = "";
  while (!line.endsWith("\n")) {
    const bytes = await connection.read(chunk);
    if (bytes === null) throw new Error(`A command ended early: ${line}`);
    line += decoder.decode(chunk.subarray(0, bytes), { stream: true });
  }
  return line;
}

if (import.meta.main) {
  const [path = "", ready = ""] = Deno.args;
  await main(path, ready);
}
