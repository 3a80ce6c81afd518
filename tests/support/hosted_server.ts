/** Servers that run in a process which has run others before: its modules are loaded, and its code is warm. */
import { Host } from "./host.ts";
import { eventually } from "./eventually.ts";
import { removeDirectory } from "./invoked.ts";
import { isRunning } from "./once.ts";
import { signalUnlessEnded } from "./processes.ts";
import {
  fillDataDir,
  makeDataDir,
  READY,
  READY_TIMEOUT_MS,
  Served,
  SERVER_ENV,
  type ServerOptions,
  urlIn,
} from "./server.ts";

/** Invocations may hang that nobody waits for. */
const WITHOUT_DRAIN = { INVOKED_DRAIN_TIMEOUT: "0s" };
/** How long a server on a busy machine may take to stop; a bound for one that hangs, whose process is killed. */
const STOP_PATIENCE_MS = 60_000;

export interface HostedOptions extends Pick<ServerOptions, "flags" | "dataDir" | "fresh"> {
  /** Settings of the server alone: a runtime reads others when it starts. */
  readonly env?: Readonly<Record<`INVOKED_${string}`, string>>;
}

/** The processes that this test file has taken. */
const hosts: Host[] = [];

/**
 * A server with settings and data of its own, which starts with a quarter of the processor time of a
 * {@link TestServer}. For tests that neither signal the server nor look at its memory, log or end. Disposing it stops it
 * in order, and removes the data directory that it made.
 */
export class HostedServer extends Served implements AsyncDisposable {
  private constructor(
    private readonly host: Host,
    dataDir: string,
    private readonly ownsDataDir: boolean,
    /** What it printed on stdout until it was ready. */
    readonly welcome: string,
    private readonly ended: Promise<number>,
  ) {
    super(host.pid, dataDir, urlIn(welcome));
  }

  static async start(options: HostedOptions = {}): Promise<HostedServer> {
    const { flags = [], env = {} } = options;
    const dataDir = options.dataDir ?? await makeDataDir(options);
    if (options.dataDir !== undefined) await fillDataDir(dataDir, options);
    const host = await freeHost();
    const ended = host.run({
      args: ["serve", "--port", "0", "--data", dataDir, "--log-format", "json", ...flags],
      cwd: Deno.cwd(),
      env: { ...SERVER_ENV, ...WITHOUT_DRAIN, ...env },
    });
    let code: number | undefined;
    ended.then((exit) => code = exit, () => code = 1);
    const welcome = await eventually(
      async () => {
        const text = new TextDecoder().decode(await host.printed("out", true));
        if (READY.test(text)) return text;
        if (code === undefined) return undefined;
        const log = new TextDecoder().decode(await host.printed("log"));
        throw new Error(`The server did not start:\n${text}\n${log}`);
      },
      "a hosted server",
      READY_TIMEOUT_MS,
    );
    await host.printed("out");
    await host.printed("log");
    return new HostedServer(host, dataDir, options.dataDir === undefined, welcome, ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signalUnlessEnded(this.pid, "SIGTERM");
    const timer = setTimeout(() => this.host.kill(), STOP_PATIENCE_MS);
    // A killed process fails its command.
    await this.ended.catch(() => {});
    clearTimeout(timer);
    if (this.ownsDataDir) await removeDirectory(this.dataDir);
  }
}

async function freeHost(): Promise<Host> {
  const free = hosts.find(({ isBusy, pid }) => !isBusy && isRunning(pid));
  if (free !== undefined) return free;
  const host = await Host.take("servers");
  hosts.push(host);
  return host;
}
