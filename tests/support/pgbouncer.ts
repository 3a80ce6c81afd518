/** Starts a real PgBouncer in front of a PostgreSQL, on a free port of loopback. */
import pg from "pg";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { eventually } from "./eventually.ts";
import { removeDirectory } from "./invoked.ts";
import { asSystemUser, makeDirectory, type TestPostgres } from "./postgres.ts";
import { signalUnlessEnded } from "./processes.ts";

/** A running PgBouncer. Disposing it stops it. */
export class TestPgBouncer implements AsyncDisposable {
  private constructor(
    private readonly postgres: TestPostgres,
    private readonly directory: string,
    private readonly port: number,
    private readonly process: Deno.ChildProcess,
  ) {}

  /** @param settings of the section `[pgbouncer]` */
  static async start(
    postgres: TestPostgres,
    settings: Readonly<Record<string, string>>,
  ): Promise<TestPgBouncer> {
    const directory = await makeDirectory();
    const port = freePort();
    const { name, password } = postgres.superuser;
    const section = Object.entries({
      listen_addr: "127.0.0.1",
      listen_port: String(port),
      unix_socket_dir: "",
      auth_type: "scram-sha-256",
      auth_file: `${directory}/users`,
      ...settings,
    }).map(([key, value]) => `${key} = ${value}\n`).join("");
    const file = `${directory}/pgbouncer.ini`;
    const text = `[databases]\n* = host=127.0.0.1 port=${postgres.port}\n[pgbouncer]\n${section}`;
    await Deno.writeTextFile(file, text);
    await Deno.writeTextFile(`${directory}/users`, `"${name}" "${password}"\n`);
    const [program = "", ...args] = await asSystemUser("pgbouncer", ["--quiet", file]);
    const process = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const pgbouncer = new TestPgBouncer(postgres, directory, port, process);
    await eventually(() => pgbouncer.#answers(), "PgBouncer");
    return pgbouncer;
  }

  /** The URL of a database through PgBouncer. */
  url(database: string): string {
    const { name, password } = this.postgres.superuser;
    return `postgres://${name}:${password}@127.0.0.1:${this.port}/${database}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signalUnlessEnded(this.process, "SIGKILL");
    await this.process.status;
    await removeDirectory(this.directory);
  }

  async #answers(): Promise<true | undefined> {
    const client = new pg.Client({ connectionString: this.url("postgres") });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return undefined;
    }
  }
}
