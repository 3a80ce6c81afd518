/** Starts a real PostgreSQL on a free port of loopback. */
import pg from "pg";
import { type CertificateFiles, loopbackCertificate } from "./certificates.ts";
import { pathOf } from "./diagnosis.ts";
import { eventually } from "./eventually.ts";
import { removeDirectory } from "./invoked.ts";
import { filledOnce } from "./once.ts";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { commandOn, NETWORK, type NetworkHost, type SecuredHost } from "./network.ts";
import { descendantsOf, signalUnlessEnded } from "./processes.ts";

/** The user of the system that runs PostgreSQL, which does not run as root. */
const SYSTEM_USER = "postgres";
const USER = "invoked";
const PASSWORD = "pass-word";

/** What makes it fast: a crash of the machine loses its data, one of PostgreSQL does not. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  full_page_writes: "off",
  max_connections: "150",
  shared_buffers: "32MB",
  max_wal_senders: "0",
  wal_level: "minimal",
  autovacuum_naptime: "10s",
};

/** What lets standbys follow it. */
export const REPLICATED = { wal_level: "replica", max_wal_senders: "4" };

/** Who may connect from another host. */
const HOSTS_FILE = `local all all scram-sha-256\nhost all all ${NETWORK} scram-sha-256\n`;

export interface PostgresOptions {
  /** Further settings of the server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Private files in its directory, such as its certificate. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether its URLs ask for TLS; true by default, as for every host but this one. */
  readonly tls?: boolean;
  /** Where it runs instead of loopback, with a certificate for the address. */
  readonly at?: SecuredHost;
}

/** A running PostgreSQL. Disposing it stops it and removes its data. */
export class TestPostgres implements AsyncDisposable {
  #process: Deno.ChildProcess | undefined;
  #databases = 0;
  #suspended: readonly number[] = [];

  private constructor(
    readonly directory: string,
    readonly port: number,
    private readonly settings: Readonly<Record<string, string>>,
    /** The parameters of its URLs. */
    private readonly parameters: string,
    private readonly host?: NetworkHost,
  ) {}

  static async start(
    { settings = {}, files = {}, tls = true, at }: PostgresOptions = {},
  ): Promise<TestPostgres> {
    const certificate = tls ? at?.certificate ?? await loopbackCertificate() : undefined;
    const template = await filledOnce("postgres", initialize);
    const directory = await makeDirectory();
    await run(["cp", "-a", `${template}/.`, directory]);
    const network = at && { listen_addresses: at.host.address, unix_socket_directories: directory };
    const all = {
      ...files,
      ...at && { "pg_hba.conf": HOSTS_FILE },
      ...await tlsFiles(certificate),
    };
    for (const [name, text] of Object.entries(all)) {
      const path = `${directory}/${name}`;
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      if (isRoot()) await run(["chown", SYSTEM_USER, path]);
    }
    const postgres = new TestPostgres(
      directory,
      freePort(),
      { ...SETTINGS, ...certificate && { ssl: "on" }, ...network, ...settings },
      certificate === undefined
        ? ""
        : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate.caFile)}`,
      at?.host,
    );
    await postgres.restart();
    return postgres;
  }

  /** Starts a standby, which streams from it; from then on each commit waits for the standby. */
  async standby(): Promise<TestPostgres> {
    const directory = await makeDirectory();
    await run(
      await asSystemUser("pg_basebackup", [
        `--pgdata=${directory}`,
        `--dbname=${this.url("postgres")}`,
        "--write-recovery-conf",
        "--checkpoint=fast",
        "--no-sync",
      ]),
    );
    const standby = new TestPostgres(directory, freePort(), this.settings, this.parameters);
    await standby.restart();
    await this.query("alter system set synchronous_standby_names = '*'");
    await this.query("select pg_reload_conf()");
    await eventually(async () => {
      const rows = await this.query(
        "select 1 from pg_stat_replication where sync_state = 'sync' and state = 'streaming'",
      );
      return rows.length > 0 || undefined;
    }, "a synchronous standby");
    return standby;
  }

  /** Makes a standby the primary. */
  async promote(): Promise<void> {
    await this.query("select pg_promote()");
  }

  /** Of the process that starts all others of it. */
  get pid(): number {
    if (this.#process === undefined) throw new Error("PostgreSQL does not run");
    return this.#process.pid;
  }

  /** Starts it again on its data after {@link stop}; resolves once it takes connections. */
  async restart(): Promise<void> {
    const args = Object.entries({ ...this.settings, port: String(this.port) })
      .flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const command = await asSystemUser("postgres", ["-D", this.directory, ...args]);
    const [program = "", ...rest] = commandOn(this.host, command);
    this.#process = new Deno.Command(program, {
      args: rest,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const ended = this.#process.status.then(({ code }) => {
      throw new Error(`Cannot start PostgreSQL: it ended with ${code}`);
    });
    ended.catch(() => {});
    await Promise.race([
      ended,
      eventually(() => this.query("select 1").then(() => true, () => undefined), "PostgreSQL"),
    ]);
  }

  /** Stops it: in order with SIGINT, as in a crash with SIGQUIT. */
  async stop(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    if (this.#process === undefined) return;
    signalUnlessEnded(this.#process, signal);
    this.resume();
    await this.#process.status;
  }

  /** Suspends all of its processes: its connections stay open, and nothing is answered. */
  suspend(): void {
    // The first process starts no other ones any more.
    signalUnlessEnded(this.pid, "SIGSTOP");
    this.#suspended = [this.pid, ...descendantsOf(this.pid)];
    for (const pid of this.#suspended) signalUnlessEnded(pid, "SIGSTOP");
  }

  resume(): void {
    for (const pid of this.#suspended) signalUnlessEnded(pid, "SIGCONT");
    this.#suspended = [];
  }

  /** The URL of an empty database of its own. */
  async database(options = ""): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`create database ${name} ${options}`);
    return this.url(name);
  }

  /** The name and password of its superuser. */
  readonly superuser = { name: USER, password: PASSWORD };

  url(database: string, user = USER, password = PASSWORD): string {
    const host = this.host?.address ?? "127.0.0.1";
    return `postgres://${user}:${password}@${host}:${this.port}/${database}${this.parameters}`;
  }

  /** Runs statements as the superuser. */
  async query<Row extends pg.QueryResultRow>(sql: string, database = "postgres"): Promise<Row[]> {
    const { name: user, password } = this.superuser;
    // This process is on another host, and reaches the socket of the directory.
    const socket = { host: this.directory, port: this.port, user, password, database };
    const client = new pg.Client(
      this.host === undefined ? { connectionString: this.url(database) } : socket,
    );
    client.on("error", () => {});
    await client.connect();
    try {
      const results: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query(sql);
      return (Array.isArray(results) ? results.at(-1) : results)?.rows ?? [];
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGQUIT");
    await removeDirectory(this.directory);
  }
}

/** The names under which PostgreSQL looks for its certificate. */
async function tlsFiles(
  certificate: CertificateFiles | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (certificate === undefined) return {};
  const [cert, key] = await Promise.all(
    [certificate.certFile, certificate.keyFile].map((file) => Deno.readTextFile(file)),
  );
  return { "server.crt": cert ?? "", "server.key": key ?? "" };
}

async function initialize(directory: string): Promise<void> {
  const own = await makeDirectory();
  const passwordFile = `${own}.password`;
  try {
    await Deno.writeTextFile(passwordFile, `${PASSWORD}\n`);
    if (isRoot()) await run(["chown", SYSTEM_USER, passwordFile]);
    await run(
      await asSystemUser("initdb", [
        `--pgdata=${own}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--wal-segsize=1",
        "--no-sync",
        "--no-instructions",
      ]),
    );
    await run(["cp", "-a", `${own}/.`, directory]);
  } finally {
    await Deno.remove(passwordFile);
    await Deno.remove(own, { recursive: true });
  }
}

/** A directory of the user that runs PostgreSQL. */
export async function makeDirectory(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "invoked-test-postgres-" });
  if (isRoot()) await run(["chown", `${SYSTEM_USER}:`, directory]);
  return directory;
}

/** The command that runs a program of PostgreSQL as a user that is not root. */
export async function asSystemUser(program: string, args: readonly string[]): Promise<string[]> {
  const command = [await pathOf(program) ?? program, ...args];
  if (!isRoot()) return command;
  return [
    "setpriv",
    `--reuid=${SYSTEM_USER}`,
    `--regid=${SYSTEM_USER}`,
    "--clear-groups",
    ...command,
  ];
}

function isRoot(): boolean {
  return Deno.uid() === 0;
}

async function run([program = "", ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (success) return;
  throw new Error(`Cannot run ${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
