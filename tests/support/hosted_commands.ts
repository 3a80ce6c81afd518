/** Commands that run in a process which a test file starts once, instead of in a process of their own. */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { startInBackground } from "./background.ts";
import type { HostedCommand } from "./command_host.ts";
import { eventually } from "./eventually.ts";
import { isRunning, newDirectory } from "./once.ts";
import { signalUnlessEnded } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** As `bin/invoked` starts the runtime. */
const HOST = [
  Deno.execPath(),
  ...["run", "--quiet", "--no-prompt", "--no-remote", "--cached-only"],
  ...["--unstable-lazy-dynamic-imports", "--config", join(ROOT, "deno.json")],
  ...["net", "read", "write", "env", "run", "sys"].map((name) => `--allow-${name}`),
  join(ROOT, "tests/support/command_host.ts"),
];

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

class Host {
  readonly #read = { out: 0, log: 0 };

  private constructor(readonly pid: number, readonly directory: string) {}

  static async start(): Promise<Host> {
    const directory = await newDirectory("commands");
    const [socket, ready] = [join(directory, "socket"), join(directory, "ready")];
    const outputs = {
      out: join(directory, "out"),
      log: join(directory, "log"),
      pidFile: join(directory, "pid"),
    };
    const env = { PATH: Deno.env.get("PATH") ?? "", NO_COLOR: "1" };
    const pid = await startInBackground([...HOST, socket, ready], outputs, env);
    addEventListener("unload", () => signalUnlessEnded(pid, "SIGKILL"));
    await eventually(async () => {
      if (!isRunning(pid)) throw new Error(await Deno.readTextFile(outputs.log));
      return await Deno.stat(ready).then(() => true, () => undefined);
    }, "the process for commands");
    return new Host(pid, directory);
  }

  async run(command: HostedCommand): Promise<Ended> {
    using connection = await Deno.connect({
      transport: "unix",
      path: join(this.directory, "socket"),
    });
    await new Blob([`${JSON.stringify(command)}\n`]).stream()
      .pipeTo(connection.writable, { preventClose: true });
    const answer = await new Response(connection.readable).text();
    const ended = { stdout: await this.#printed("out"), stderr: await this.#printed("log") };
    if (answer !== "") return { code: Number(answer), ...ended };
    throw new Error(
      `The process for commands ended in ${command.args.join(" ")}: ${
        new TextDecoder().decode(ended.stderr)
      }`,
    );
  }

  /** What it printed since the last look. */
  async #printed(name: "out" | "log"): Promise<Uint8Array> {
    const all = await Deno.readFile(join(this.directory, name));
    const printed = all.subarray(this.#read[name]);
    this.#read[name] = all.length;
    return printed;
  }
}

let host: Promise<Host> | undefined;
let isBusy = false;

/** Runs the command in the process for commands; undefined while another command runs there. */
export async function runHosted(command: HostedCommand): Promise<Ended | undefined> {
  if (isBusy) return undefined;
  isBusy = true;
  try {
    return await (await (host ??= Host.start())).run(command);
  } catch (error) {
    host = undefined;
    throw error;
  } finally {
    isBusy = false;
  }
}
