/** Boots the real server on a free port with a temporary data directory, as a user does. */
import { join } from "node:path";
import { Client } from "./client.ts";
import { shareDownloads } from "./downloads.ts";
import { copy, removeDirectory } from "./invoked.ts";
import { filledOnce } from "./once.ts";
import { signalUnlessEnded } from "./processes.ts";
import { serverProgram } from "./release.ts";

/** How long a server may take to become ready; a bound for broken ones. The first of a checkout builds the console. */
export const READY_TIMEOUT_MS = 600_000;

/**
 * What would keep the machine busy behind every suite, and limits that a busy machine exceeds. The suites about type
 * checks, waits, builds and pools set their own.
 */
const DEFAULTS = {
  INVOKED_BUILD_TIMEOUT: "10m",
  INVOKED_CHECK_TYPES: "false",
  INVOKED_MAX_WAIT: "60s",
  INVOKED_POOL_SIZE: "2",
};

/** The environment of a server, without the variables of a test. */
export const SERVER_ENV: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "",
  ...DEFAULTS,
};

export interface ServerOptions {
  /** Further flags of `invoked serve`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A data directory, which stays for a further start; the caller removes it. */
  readonly dataDir?: string;
  /** The launcher of another installation than this clone. */
  readonly program?: string;
  /** A command that becomes the one that it is given as arguments. */
  readonly launcher?: readonly string[];
  /** Whether it starts on an empty data directory: for tests about first starts, downloads, or two servers. */
  readonly fresh?: boolean;
}

/** A server that runs. */
export class Served {
  constructor(readonly pid: number, readonly dataDir: string, readonly url: string) {}

  /** Credentials of the first principal, as the server left them. */
  async credentials(): Promise<{ serverUrl: string; clientId: string; clientSecret: string }> {
    return JSON.parse(await Deno.readTextFile(join(this.dataDir, "credentials.json")));
  }

  /** A client that is already authenticated, of this server or of another node at `url` that knows its credentials. */
  async client(url = this.url): Promise<Client> {
    const { clientId, clientSecret } = await this.credentials();
    return await Client.login(url, clientId, clientSecret);
  }
}

/** A server of its own. Disposing it kills it, and removes the data directory that it made. */
export class TestServer extends Served implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #ownsDataDir: boolean;
  readonly #log: Promise<string>;

  private constructor(
    process: Deno.ChildProcess,
    log: Promise<string>,
    ownsDataDir: boolean,
    dataDir: string,
    /** What it printed on stdout until it was ready. */
    readonly welcome: string,
  ) {
    super(process.pid, dataDir, urlIn(welcome));
    this.#process = process;
    this.#log = log;
    this.#ownsDataDir = ownsDataDir;
  }

  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const dataDir = options.dataDir ?? await makeDataDir(options);
    if (options.dataDir !== undefined) await fillDataDir(dataDir, options);
    const command = await serveCommand(dataDir, options.program);
    const [program = "", ...args] = [...options.launcher ?? [], ...command];
    const process = new Deno.Command(program, {
      args: [...args, ...options.flags ?? []],
      clearEnv: true,
      env: { ...SERVER_ENV, ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const log = new Response(process.stderr).text();
    const welcome = await readWelcome(process, log);
    return new TestServer(process, log, options.dataDir === undefined, dataDir, welcome);
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** How the process ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#process.status;
  }

  /** Everything it logged, once it ended. */
  get log(): Promise<string> {
    return this.#log;
  }

  /** Ends it in this way and waits until it is gone; the data directory stays. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    signalUnlessEnded(this.#process, signal);
    await this.#log;
    return await this.#process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    if (this.#ownsDataDir) await removeDirectory(this.dataDir);
  }
}

/** The command of a server on a free port, without the flags of a test. */
export async function serveCommand(
  dataDir: string,
  program?: string,
): Promise<readonly string[]> {
  const launcher = program ?? await serverProgram();
  return [launcher, "serve", "--port", "0", "--data", dataDir, "--log-format", "json"];
}

/** Printed by a server that is ready; the command to copy follows in the same write, if it has the example. */
export const READY = /^ {2}API +\S+\/docs\n/m;

/** The base URL in what a server printed. */
export function urlIn(welcome: string): string {
  return /ready at (http\S+)/.exec(welcome)?.[1] ?? "";
}

/** Starts a server on the directory and stops it; it downloads the bundler before it is ready. */
export async function startOnce(dataDir: string): Promise<void> {
  await using server = await TestServer.start({ dataDir, fresh: true });
  await server.stop();
}

/** Settings that a first start writes into the data directory. */
const FIRST_START_FLAG = /^--(?:host|public-url|database|master-key-file|tls-.*)$/;
const FIRST_START_VARIABLE = /^INVOKED_(?:HOST|PUBLIC_URL|DATABASE|TLS_.*|.*MASTER_KEY)$/;

/** A new data directory; a copy of one that the run has started a server on, if this makes no difference. */
export async function makeDataDir(options: ServerOptions = {}): Promise<string> {
  const dataDir = await Deno.makeTempDir({ prefix: "invoked-test-" });
  await fillDataDir(dataDir, options);
  return dataDir;
}

/** Fills a data directory, if it is empty and a first start makes no difference, and shares the downloads otherwise. */
export async function fillDataDir(
  dataDir: string,
  { fresh, flags = [], env = {} }: ServerOptions = {},
): Promise<void> {
  if (fresh) return;
  const isOwn = flags.some((flag) => FIRST_START_FLAG.test(flag)) ||
    Object.keys(env).some((name) => FIRST_START_VARIABLE.test(name));
  if (isOwn || !await isEmpty(dataDir)) return await shareDownloads(dataDir, startOnce);
  const started = await filledOnce("data", async (directory) => {
    await shareDownloads(directory, startOnce);
    await startOnce(directory);
  });
  await Deno.mkdir(dataDir, { recursive: true });
  await copy(`${started}/.`, dataDir);
}

/** Whether a directory has nothing in it, or does not exist. */
async function isEmpty(path: string): Promise<boolean> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).length === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Reads the welcome from stdout, and drains the rest. */
async function readWelcome(process: Deno.ChildProcess, log: Promise<string>): Promise<string> {
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => process.kill("SIGKILL"), READY_TIMEOUT_MS);
  let text = "";
  try {
    while (!READY.test(text)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`The server did not start:\n${text}\n${await log}`);
      text += value;
    }
  } finally {
    clearTimeout(timer);
  }
  (async () => {
    while (!(await reader.read()).done);
  })();
  return text;
}
