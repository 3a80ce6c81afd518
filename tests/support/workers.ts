/** Starts real workers, as an operator does. */
import { removeDirectory } from "./invoked.ts";
import type { NatsAddress } from "./nats.ts";
import { commandOn, type NetworkHost } from "./network.ts";
import { signalUnlessEnded } from "./processes.ts";
import { serverProgram } from "./release.ts";

/** How long a worker may take to become ready; a bound for broken ones, not a measurement. */
const READY_TIMEOUT_MS = 300_000;

export interface WorkerOptions {
  readonly nats: NatsAddress;
  readonly capacity?: number;
  /** Further flags of `invoked worker`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The directory of an earlier one to start on again; the caller removes it. */
  readonly directory?: string;
  /** The command `invoked` of another build. */
  readonly program?: string;
  /** Where it runs instead of this process's network. */
  readonly host?: NetworkHost;
  /** Gets all that the worker has logged so far, as it logs more. */
  readonly onLog?: (log: string) => void;
}

/** A running worker. Disposing it kills it, and removes its directory. */
export class TestWorker implements AsyncDisposable {
  #isGone = false;

  private constructor(
    readonly process: Deno.ChildProcess,
    /** Everything it logged, once it ended. */
    readonly log: Promise<string>,
    private readonly directory: string,
    private readonly ownsDirectory: boolean,
    readonly id: string,
  ) {}

  static async start(
    { nats, capacity = 2, flags = [], env = {}, program, host, onLog, ...options }: WorkerOptions,
  ): Promise<TestWorker> {
    const directory = options.directory ??
      await Deno.makeTempDir({ prefix: "invoked-test-worker-" });
    const [command = "", ...args] = commandOn(host, [
      program ?? await serverProgram(),
      "worker",
      "--json",
      ...nats.flags,
      "--capacity",
      `${capacity}`,
      "--data",
      directory,
      "--log-format",
      "json",
      ...flags,
    ]);
    const process = new Deno.Command(command, {
      args,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", INVOKED_POOL_SIZE: "2", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const log = readLog(process.stderr, onLog);
    const ownsDirectory = options.directory === undefined;
    const id = await readId(process, log).catch(async (error) => {
      await process.status;
      if (ownsDirectory) await removeDirectory(directory);
      throw error;
    });
    return new TestWorker(process, log, directory, ownsDirectory, id);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** How the process ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.process.status;
  }

  signal(signal: Deno.Signal): void {
    this.process.kill(signal);
  }

  /** Ends it in this way; answers what it logged, once it is gone. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<{ code: number; log: string }> {
    signalUnlessEnded(this.process, signal);
    const { code } = await this.process.status;
    return { code, log: await this.log };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    await this.stop("SIGKILL");
    if (this.ownsDirectory) await removeDirectory(this.directory);
  }
}

async function readLog(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLog: (log: string) => void = () => {},
): Promise<string> {
  let log = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) onLog(log += text);
  return log;
}

async function readId(process: Deno.ChildProcess, log: Promise<string>): Promise<string> {
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => process.kill("SIGKILL"), READY_TIMEOUT_MS);
  let text = "";
  try {
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`The worker did not start:\n${await log}`);
      text += value;
    }
  } finally {
    clearTimeout(timer);
  }
  await reader.cancel();
  return JSON.parse(text).id;
}
