/** Starts a real nats-server with JetStream on a free loopback port, in a temporary directory. */
import { join } from "node:path";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type { NatsOptions as ConnectionOptions } from "../../src/cluster/nats/connection.ts";
import { type CertificateFiles, loopbackCertificate } from "./certificates.ts";
import { removeDirectory } from "./invoked.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { commandOn, type NetworkHost, type SecuredHost } from "./network.ts";
import { signalUnlessEnded } from "./processes.ts";

/** How long a server may take to become ready; a bound for broken ones, not a measurement. */
const READY_TIMEOUT_MS = 180_000;

export interface NatsOptions {
  /** Further lines of its configuration file, such as `authorization`. */
  readonly config?: string;
  /** Whether it insists on TLS; true by default, as everywhere but on loopback. */
  readonly tls?: boolean;
  /** Space for streams in files, in bytes. */
  readonly maxFileStore?: number;
  /** How often streams are synced to the disk; `always` for each message. */
  readonly syncInterval?: string;
  /** An existing directory for streams, such as a small disk; the caller removes it. */
  readonly storeDir?: string;
  /** Where it reports its health and its clients on loopback; nowhere by default. */
  readonly monitorPort?: number;
  /** Where it runs instead of loopback, with a certificate for the address. */
  readonly at?: SecuredHost;
}

/** Where one or several servers of NATS are reached, and which certificates their clients trust. */
export class NatsAddress {
  constructor(
    /** Of each server; clients choose one. */
    readonly ports: readonly number[],
    /** Undefined without TLS. */
    readonly caFile: string | undefined,
    readonly host = "127.0.0.1",
  ) {}

  /** Of the first server. */
  get port(): number {
    const [port] = this.ports;
    if (port === undefined) throw new Error("The address has no server");
    return port;
  }

  /** `tls://HOST:PORT` for each server, without TLS `nats://HOST:PORT`. */
  get urls(): string[] {
    const scheme = this.caFile === undefined ? "nats" : "tls";
    return this.ports.map((port) => `${scheme}://${this.host}:${port}`);
  }

  /** As the command line takes it. */
  get url(): string {
    return this.urls.join(",");
  }

  /** The flags with which a process of `invoked` reaches it. */
  get flags(): readonly string[] {
    const { url, caFile } = this;
    return ["--nats", url, ...caFile === undefined ? [] : ["--nats-ca", caFile]];
  }

  /** What our own connection takes, without credentials. */
  get options(): ConnectionOptions {
    return { urls: this.urls, credentialsFile: undefined, caFile: this.caFile };
  }

  /** What a connection of the library takes. */
  get client(): NodeConnectionOptions {
    const { urls, caFile } = this;
    return { servers: urls, ...caFile === undefined ? {} : { tls: { caFile } } };
  }

  /** The same servers, each behind a relay. */
  through(...relays: readonly { readonly port: number }[]): NatsAddress {
    return new NatsAddress(relays.map(({ port }) => port), this.caFile);
  }
}

/** A running nats-server. Disposing it kills it, and removes its directory. */
export class TestNats implements AsyncDisposable {
  #process: Deno.ChildProcess;
  #log: Promise<string>;

  private constructor(
    private readonly directory: string,
    private readonly storeDir: string,
    private readonly host: NetworkHost | undefined,
    started: Started,
    /** Stays the same over {@link restart}. */
    readonly address: NatsAddress,
    private readonly monitorPort: number | undefined,
  ) {
    this.#process = started.process;
    this.#log = started.log;
  }

  static async start(options: NatsOptions = {}): Promise<TestNats> {
    const directory = await Deno.makeTempDir({ prefix: "invoked-test-nats-" });
    const { at, tls = true, storeDir = storeDirIn(directory), monitorPort } = options;
    const files = tls ? at?.certificate ?? await loopbackCertificate() : undefined;
    const address = new NatsAddress([freePort()], files?.caFile, at?.host.address);
    await writeConfig(directory, address, options, files);
    const started = spawn(directory, at?.host);
    await listening(directory, started);
    return new TestNats(directory, storeDir, at?.host, started, address, monitorPort);
  }

  /** The URL below which it reports, such as `/healthz`. @throws Error without a port for that */
  get monitorUrl(): string {
    if (this.monitorPort === undefined) throw new Error("The server was started without a monitor");
    return `http://127.0.0.1:${this.monitorPort}`;
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
    const started = spawn(this.directory, this.host);
    this.#process = started.process;
    this.#log = started.log;
    await listening(this.directory, started);
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

/** How long a client on a busy machine may take for the TLS handshake, in seconds; two by default. */
const HANDSHAKE_S = 60;

async function writeConfig(
  directory: string,
  { host, port }: NatsAddress,
  { config = "", maxFileStore, syncInterval, monitorPort, ...options }: NatsOptions,
  files: CertificateFiles | undefined,
): Promise<void> {
  const tls = files && [files.certFile, files.keyFile].map((file) => JSON.stringify(file));
  const lines = [
    `listen: "${host}:${port}"`,
    `ports_file_dir: ${JSON.stringify(directory)}`,
    "jetstream {",
    `  store_dir: ${JSON.stringify(options.storeDir ?? storeDirIn(directory))}`,
    ...syncInterval === undefined ? [] : [`  sync_interval: ${syncInterval}`],
    ...maxFileStore === undefined ? [] : [`  max_file_store: ${maxFileStore}`],
    "}",
    ...monitorPort === undefined ? [] : [`http: "127.0.0.1:${monitorPort}"`],
    ...tls === undefined
      ? []
      : [`tls { cert_file: ${tls[0]}, key_file: ${tls[1]}, timeout: ${HANDSHAKE_S} }`],
    config,
  ];
  await Deno.writeTextFile(join(directory, "nats.conf"), `${lines.join("\n")}\n`);
}

function spawn(directory: string, host: NetworkHost | undefined): Started {
  const command = ["nats-server", "--config", join(directory, "nats.conf")];
  const [program = "", ...args] = commandOn(host, command);
  const process = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return { process, log: new Response(process.stderr).text() };
}

/** Resolves once the server has written where it listens. */
async function listening(directory: string, { process, log }: Started): Promise<void> {
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
  await Promise.race([ready, ended]);
}
