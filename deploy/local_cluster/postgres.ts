/** PostgreSQL with a database for invoked, in a directory of its own. */
import { join } from "node:path";
import pg from "pg";
import { exists } from "../../src/shared/files.ts";
import { type Program, StartFailure } from "./processes.ts";

/** Who runs PostgreSQL when this process is root: it does not run as root. */
const SYSTEM_USER = "postgres";
const USER = "invoked";
const DATABASE = "invoked";
/** Where Debian has the programs of each version. */
const VERSIONS_DIRECTORY = "/usr/lib/postgresql";

interface Postgres {
  readonly program: Program;
  readonly url: string;
}

/**
 * Makes the directory at the first start.
 * @param connectionsMax connections of all API nodes
 */
export async function preparePostgres(
  directory: string,
  passwordFile: string,
  port: number,
  connectionsMax: number,
): Promise<Postgres> {
  const programs = await findPrograms();
  const password = (await Deno.readTextFile(passwordFile)).trim();
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  if (Deno.uid() === 0) await giveTo(directory);
  if (!await exists(join(directory, "PG_VERSION"))) await initialize(directory, programs, password);
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: String(connectionsMax),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const connection = { host: "127.0.0.1", port, user: USER, password };
  return {
    url: `postgres://${USER}@127.0.0.1:${port}/${DATABASE}`,
    program: {
      name: "postgres",
      command: asSystemUser([join(programs, "postgres"), "-D", directory, ...flags]),
      stopSignal: "SIGINT",
      stopOrder: 0,
      isReady: () => hasDatabase(connection),
    },
  };
}

/** Creates the database if it is missing; false while the server takes no connections. */
async function hasDatabase(connection: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client({ ...connection, database: "postgres" });
  client.on("error", () => {});
  try {
    await client.connect();
  } catch {
    return false;
  }
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [
      DATABASE,
    ]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
    return true;
  } finally {
    await client.end();
  }
}

async function initialize(directory: string, programs: string, password: string): Promise<void> {
  const passwordFile = join(directory, ".password");
  await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
  if (Deno.uid() === 0) await run(["chown", SYSTEM_USER, passwordFile]);
  // initdb needs an empty directory.
  const cluster = join(directory, ".initializing");
  await run(asSystemUser([
    ...[join(programs, "initdb"), "-D", cluster, `--username=${USER}`, `--pwfile=${passwordFile}`],
    ...["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"],
  ]));
  await Deno.remove(passwordFile);
  for await (const { name } of Deno.readDir(cluster)) {
    // Last: it shows that the directory is complete.
    if (name !== "PG_VERSION") await Deno.rename(join(cluster, name), join(directory, name));
  }
  await Deno.rename(join(cluster, "PG_VERSION"), join(directory, "PG_VERSION"));
  await Deno.remove(cluster);
}

/** The directory of the newest version. */
async function findPrograms(): Promise<string> {
  const versions: number[] = [];
  try {
    for await (const { name } of Deno.readDir(VERSIONS_DIRECTORY)) {
      const programs = join(VERSIONS_DIRECTORY, name, "bin");
      if (/^\d+$/.test(name) && await exists(join(programs, "initdb"))) versions.push(Number(name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (versions.length > 0) return join(VERSIONS_DIRECTORY, String(Math.max(...versions)), "bin");
  const output = await new Deno.Command("pg_config", { args: ["--bindir"] }).output()
    .catch(() => undefined);
  if (output?.success) return new TextDecoder().decode(output.stdout).trim();
  throw new StartFailure("PostgreSQL was not found; install it");
}

/** The user of PostgreSQL must be able to enter the directory. */
async function giveTo(directory: string): Promise<void> {
  await run(["chown", `${SYSTEM_USER}:`, directory]);
  const [program = "", ...args] = asSystemUser(["test", "-x", directory]);
  const { success } = await new Deno.Command(program, { args }).output();
  if (success) return;
  throw new StartFailure(
    `PostgreSQL did not start: its user ${SYSTEM_USER} may not enter ${directory}; ` +
      "choose a directory below one that everybody may enter, with --data",
  );
}

function asSystemUser(command: readonly string[]): string[] {
  if (Deno.uid() !== 0) return [...command];
  const user = [`--reuid=${SYSTEM_USER}`, `--regid=${SYSTEM_USER}`, "--clear-groups"];
  // The signal at the end of this process is lost with the change of the user.
  return ["setpriv", ...user, "--pdeathsig", "INT", "--", ...command];
}

async function run([program = "", ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (success) return;
  throw new StartFailure(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
}
