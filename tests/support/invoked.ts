/** Runs the real command line as a user does. */
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";
import { type Ended, isHostable, runHosted } from "./hosted_commands.ts";

export const INVOKED = fileURLToPath(new URL("../../bin/invoked", import.meta.url));

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The path of the command; a symbolic link to it works as well. */
  readonly program?: string;
  /** What it reads from stdin; nothing when undefined. */
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
}

/** The environment of commands, without the variables of a test. On a busy machine a build takes longer than it may by default. */
export const COMMAND_ENV: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "",
  NO_COLOR: "1",
  INVOKED_BUILD_TIMEOUT: "10m",
};

/**
 * Runs the command with these arguments and nothing of the caller's environment but PATH. It is `bin/invoked` in a process
 * of its own where this may make a difference, and beside another command; otherwise, it runs in the process for commands.
 */
export async function runInvoked(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const decoder = new TextDecoder();
  const { code, stdout, stderr } = await runToEnd(args, options);
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function runToEnd(args: readonly string[], options: RunOptions): Promise<Ended> {
  const { env = {}, cwd = "/", program = INVOKED, stdin } = options;
  const command = { args, cwd, env: { ...COMMAND_ENV, ...env } };
  if (program === INVOKED && stdin === undefined && isHostable(command)) {
    const ended = await runHosted(command);
    if (ended !== undefined) return ended;
  }
  const process = new Deno.Command(program, {
    args: [...args],
    cwd,
    clearEnv: true,
    env: command.env,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    await new Response(stdin).body?.pipeTo(process.stdin).catch((error) => {
      // A command that does not need its stdin may end first.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    });
  }
  return await process.output();
}

/** A directory that is removed at the end of its scope. */
export async function makeTempDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "invoked test " }));
  return { path, [Symbol.asyncDispose]: () => removeDirectory(path) };
}

/** Copies a file or directory with its attributes. */
export async function copy(from: string, to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  if (!success) throw new Error(`Cannot copy ${from}: ${new TextDecoder().decode(stderr)}`);
}

/** Removes a directory into which a process that was just starting may still write before it ends. */
export async function removeDirectory(path: string): Promise<void> {
  await eventually(async () => {
    try {
      await Deno.remove(path, { recursive: true });
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes("not empty")) return undefined;
      throw error;
    }
  }, `the removal of ${path}`);
}
