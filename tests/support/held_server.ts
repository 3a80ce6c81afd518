/** Servers on a socket that the test holds, as systemd does. */
import { once } from "node:events";
import type { HeldSocket } from "../../src/shared/held_socket.ts";
import { eventually } from "./eventually.ts";
import { signalUnlessEnded } from "./processes.ts";
import { READY, READY_TIMEOUT_MS, serveCommand, Served, SERVER_ENV, urlIn } from "./server.ts";

interface HeldServerOptions {
  readonly dataDir: string;
  readonly flags?: readonly string[];
  /** A command that becomes the one that it is given as arguments. */
  readonly launcher?: readonly string[];
}

/** One of the servers that follow each other on a socket. Disposing it kills it; socket and data directory stay. */
export class HeldServer extends Served implements AsyncDisposable {
  private constructor(
    pid: number,
    /** Its exit code, null after a signal, once it has ended. */
    readonly ended: Promise<number | null>,
    readonly output: { readonly log: string; readonly hasEnded: boolean },
    dataDir: string,
    url: string,
  ) {
    super(pid, dataDir, url);
  }

  static async start(socket: HeldSocket, options: HeldServerOptions): Promise<HeldServer> {
    const { dataDir, flags = [], launcher = [] } = options;
    const process = socket.start([...launcher, ...await serveCommand(dataDir), ...flags], {
      env: SERVER_ENV,
      output: "pipe",
    });
    const ended = once(process, "exit").then(([code]) => code as number | null);
    const output = { log: "", welcome: "", hasEnded: false };
    process.stderr?.setEncoding("utf8").on("data", (text: string) => output.log += text);
    process.stdout?.setEncoding("utf8").on("data", (text: string) => output.welcome += text);
    ended.then(() => output.hasEnded = true);
    await eventually(
      () => output.hasEnded || READY.test(output.welcome) || undefined,
      "a ready server",
      READY_TIMEOUT_MS,
    );
    if (output.hasEnded) throw new Error(`The server did not start:\n${output.log}`);
    return new HeldServer(process.pid ?? 0, ended, output, dataDir, urlIn(output.welcome));
  }

  /** Sends SIGTERM and resolves once the server drains. */
  async beginStop(): Promise<void> {
    signalUnlessEnded(this.pid, "SIGTERM");
    await eventually(() => this.output.log.includes("draining after SIGTERM") || undefined);
  }

  /** Ends it in this way; answers its exit code, which is null after a signal. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    if (!this.output.hasEnded) signalUnlessEnded(this.pid, signal);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}
