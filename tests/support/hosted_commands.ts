/** Commands that run in a process which runs one after another, instead of in a process of their own. */
import type { HostedCommand } from "./command_host.ts";
import { Host } from "./host.ts";

/** Commands that run until they are stopped, look at their own process or change it, or hold a data directory. */
const OWN_PROCESS: ReadonlySet<string> = new Set(
  ["serve", "worker", "dev", "doctor", "db", "keys", "backup"],
);
/** Lowers the priority of the process, for good. */
const LOWERS_PRIORITY = "--online";
/** Every other variable may be one that a runtime reads when it starts, or that its children inherit. */
const OF_COMMANDS = /^(?:INVOKED_|CONDUCTORONE_|(?:PATH|HOME|NO_COLOR)$)/;

export interface Ended {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** Whether a process in which other commands ran before makes no difference to the command. */
export function isHostable({ args, env }: HostedCommand): boolean {
  return !OWN_PROCESS.has(args[0] ?? "") && !args.includes(LOWERS_PRIORITY) &&
    Object.keys(env).every((name) => OF_COMMANDS.test(name));
}

let host: Promise<Host> | undefined;
let isBusy = false;

/** Runs the command in the process for commands; undefined while another command runs there. */
export async function runHosted(command: HostedCommand): Promise<Ended | undefined> {
  if (isBusy) return undefined;
  isBusy = true;
  try {
    const taken = await (host ??= Host.take("commands"));
    const code = await taken.run(command);
    return { code, stdout: await taken.printed("out"), stderr: await taken.printed("log") };
  } catch (error) {
    host = undefined;
    throw error;
  } finally {
    isBusy = false;
  }
}
