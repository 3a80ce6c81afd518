/** Processes that run `invoked` commands one after another, for the test files of a run: they load the modules once. */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { startInBackground } from "./background.ts";
import type { HostedCommand } from "./command_host.ts";
import { eventually } from "./eventually.ts";
import { isRunning, pathInRun, PROCESS_SUFFIX } from "./once.ts";
import { signalUnlessEnded } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** As `bin/invoked` starts the runtime. */
const PROGRAM = [
  Deno.execPath(),
  ...["run", "--quiet", "--no-prompt", "--no-remote", "--cached-only"],
  ...["--unstable-lazy-dynamic-imports", "--config", join(ROOT, "deno.json")],
  ...["net", "read", "write", "env", "run", "sys"].map((name) => `--allow-${name}`),
  join(ROOT, "tests/support/command_host.ts"),
];

/** A process that this test file has to itself; it may have run the commands of earlier files. */
export class Host {
  #runs = false;

  private constructor(
    readonly pid: number,
    private readonly directory: string,
    /** Bytes of each output that were printed for earlier commands. */
    private readonly read: { out: number; log: number },
  ) {}

  /**
   * Takes a free process of this kind, or starts one. The process of a test file that was killed is never taken again: it
   * may still run a command.
   */
  static async take(kind: "commands" | "servers"): Promise<Host> {
    for (let n = 1;; n++) {
      const directory = pathInRun(`${kind}-${n}`);
      const taken = `${directory}.taken`;
      if (!await isCreated(taken)) continue;
      const host = await Host.#in(directory);
      addEventListener("unload", () => {
        // Outside of scripts/test, the directory of the run is gone by now.
        if (!host.#runs) removeIfThere(taken);
      });
      return host;
    }
  }

  static async #in(directory: string): Promise<Host> {
    const [out, log] = [join(directory, "out"), join(directory, "log")];
    const [socket, ready] = [socketIn(directory), join(directory, "ready")];
    const pidFile = `${directory}${PROCESS_SUFFIX}`;
    let pid = Number(await Deno.readTextFile(pidFile).catch(() => "0"));
    if (pid === 0 || !isRunning(pid)) {
      await Deno.mkdir(directory, { recursive: true });
      for (const path of [socket, ready]) await Deno.remove(path).catch(() => {});
      const env = { PATH: Deno.env.get("PATH") ?? "", NO_COLOR: "1" };
      const command = [...PROGRAM, socket, ready, pidFile];
      pid = await startInBackground(command, { out, log, pidFile }, env);
    }
    await eventually(async () => {
      if (!isRunning(pid)) throw new Error(await Deno.readTextFile(log));
      return await Deno.stat(ready).then(() => true, () => undefined);
    }, `the process in ${directory}`);
    const sizes = await Promise.all([out, log].map(async (path) => (await Deno.stat(path)).size));
    const [outBytes = 0, logBytes = 0] = sizes;
    return new Host(pid, directory, { out: outBytes, log: logBytes });
  }

  /** Whether it runs a command; it takes no other one meanwhile. */
  get isBusy(): boolean {
    return this.#runs;
  }

  /** Runs a command; answers its exit code. @throws {Error} if the process ends, after which it is useless */
  async run(command: HostedCommand): Promise<number> {
    this.#runs = true;
    try {
      using connection = await Deno.connect({
        transport: "unix",
        path: socketIn(this.directory),
      });
      await new Blob([`${JSON.stringify(command)}\n`]).stream()
        .pipeTo(connection.writable, { preventClose: true });
      const answer = await new Response(connection.readable).text();
      if (answer !== "") return Number(answer);
      throw new Error("it ended");
    } catch (error) {
      this.kill();
      const log = new TextDecoder().decode(await this.printed("log"));
      throw new Error(`The host of invoked ${command.args.join(" ")} failed: ${error}\n${log}`);
    } finally {
      this.#runs = false;
    }
  }

  /** Ends it at once, with what it runs. */
  kill(): void {
    signalUnlessEnded(this.pid, "SIGKILL");
    // The run must not end whatever gets this number later.
    removeIfThere(`${this.directory}${PROCESS_SUFFIX}`);
  }

  /** What it printed since the last command that was read. @param keep whether a later look shows this again */
  async printed(name: "out" | "log", keep = false): Promise<Uint8Array> {
    const all = await Deno.readFile(join(this.directory, name));
    const printed = all.subarray(this.read[name]);
    if (!keep) this.read[name] = all.length;
    return printed;
  }
}

function socketIn(directory: string): string {
  return join(directory, "socket");
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Creates a file; answers false for one that exists. */
async function isCreated(path: string): Promise<boolean> {
  try {
    await Deno.writeTextFile(path, "", { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}
