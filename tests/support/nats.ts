/** Starts a real nats-server with JetStream on a free loopback port, in a temporary directory. */
import { join } from "node:path";
import { removeDirectory } from "./invoked.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { signalUnlessEnded } from "./processes.ts";

/** How long a server may take to become ready; a bound for broken ones, not a measurement. */
const READY_TIMEOUT_MS = 180_000;

export interface NatsOptions {
  /** Further lines of its configuration file, such as `authorization` or `tls`. */
  readonly config?: string;
  /** Space for streams in files, in bytes. */
  readonly maxFileStore?: number;
  /** How often streams are synced to the disk; `always` for each message. */
  readonly syncInterval?: string;
  /** An existing directory for streams, such as a small disk; the caller removes it. */
  readonly storeDir?: string;
}

/** A running nats-server. Disposing it kills it, and removes its directory. */
export class TestNats implements AsyncDisposable {
  #process: Deno.ChildProcess;
  #log: Promise<string>;

  private constructor(
    private readonly directory: string,
    private readonly storeDir: string,
    started: Started,
    /** `nats://127.0.0.1:PORT`; stays the same over {@link restart}. */
    readonly url: string,
  ) {
    this.#process = started.process;
    this.#log = started.log;
  }

  static async start(options: NatsOptions = {}): Promise<TestNats> {
    const directory = await Deno.makeTempDir({ prefix: "invoked-test-nats-" });
    await writeConfig(directory, freePort(), options);
    const started = spawn(directory);
    const url = await readyUrl(directory, started);
    return new TestNats(directory, options.storeDir ?? storeDirIn(directory), started, url);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Everything it logged since its last start, once it ended. */
  get log(): Promise<string> {
    return this.#log;
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Ends it in this way and waits until it is gone; its streams stay. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    signalUnlessEnded(this.#process, signal);
    await this.#process.status;
  }

  /** Starts it again on its port and its streams, after {@link stop}. */
  async restart(): Promise<void> {
    const started = spawn(this.directory);
    this.#process = started.process;
    this.#log = started.log;
    await readyUrl(this.directory, started);
  }

  /** Removes all that it stored, after {@link stop}. */
  async lose(): Promise<void> {
    await removeDirectory(this.storeDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await removeDirectory(this.directory);
  }
}

interface Started {
  readonly process: Deno.ChildProcess;
  readonly log: Promise<string>;
}

function storeDirIn(directory: string): string {
  return join(directory, "streams");
}

async function writeConfig(
  directory: string,
  port: number,
  { config = "", maxFileStore, syncInterval, storeDir = storeDirIn(directory) }: NatsOptions,
): Promise<void> {
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `ports_file_dir: ${JSON.stringify(directory)}`,
    "jetstream {",
    `  store_dir: ${JSON.stringify(storeDir)}`,
    ...syncInterval === undefined ? [] : [`  sync_interval: ${syncInterval}`],
    ...maxFileStore === undefined ? [] : [`  max_file_store: ${maxFileStore}`],
    "}",
    config,
  ];
  await Deno.writeTextFile(join(directory, "nats.conf"), `${lines.join("\n")}\n`);
}

function spawn(directory: string): Started {
  const process = new Deno.Command("nats-server", {
    args: ["--config", join(directory, "nats.conf")],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return { process, log: new Response(process.stderr).text() };
}

/** The URL that the server wrote once it listened. */
async function readyUrl(directory: string, { process, log }: Started): Promise<string> {
  const ended = process.status.then(async ({ code }) => {
    throw new Error(`nats-server ended with ${code}:\n${await log}`);
  });
  const ready = eventually(
    async () => {
      // Written when it listens, so a part of it may be read.
      const path = join(directory, `nats-server_${process.pid}.ports`);
      try {
        return JSON.parse(await Deno.readTextFile(path)).nats[0] as string;
      } catch {
        return undefined;
      }
    },
    "a nats-server that listens",
    READY_TIMEOUT_MS,
  );
  // A server that ends later ends no wait.
  ended.catch(() => {});
  return await Promise.race([ready, ended]);
}
