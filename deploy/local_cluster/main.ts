/**
 * An installation of many parts on one machine: PostgreSQL, NATS, API nodes, workers and a load balancer as processes,
 * with generated credentials. It stays in the foreground until SIGINT or SIGTERM, and goes on from its directory at the
 * next start.
 */
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { parseCount } from "../../src/config/units.ts";
import { exists } from "../../src/shared/files.ts";
import { quoteForShell } from "../../src/cli/terminal/shell.ts";
import { makeShared } from "../../src/compose/credentials.ts";
import type { Role } from "../../src/cluster/credentials/permissions.ts";
import { prepareBalancer } from "./balancer.ts";
import { prepareNats } from "./nats.ts";
import { freePort, isListening } from "./network.ts";
import { apiNode, commandVariables, type NodeOptions, worker } from "./nodes.ts";
import { preparePostgres } from "./postgres.ts";
import { Processes, StartFailure } from "./processes.ts";

/** Connections of one API node, by default, and those of administrators. */
const CONNECTIONS_PER_NODE = 10;
const CONNECTIONS_OF_OTHERS = 10;
const PARTS_MAX = 20;
const EXIT_INTERRUPTED = 130;

interface Options {
  readonly data: string;
  readonly port: number;
  readonly apiNodes: number;
  readonly workers: number;
  readonly capacity: number;
}

function readOptions(): Options {
  const count = (max: number) => (text: string) => {
    const value = parseCount(text);
    if (value !== undefined && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`);
  };
  const program = new Command("deploy/local-cluster")
    .description("Run PostgreSQL, NATS, API nodes, workers and a load balancer on this machine")
    .option("--data <directory>", "where everything is kept", ".invoked-cluster")
    .option("--port <number>", "port of the load balancer", count(65_535), 8080)
    .option("--api-nodes <number>", "API nodes", count(PARTS_MAX), 2)
    .option("--workers <number>", "workers", count(PARTS_MAX), 3)
    .option("--capacity <number>", "slots of each worker", count(1_000), 4)
    .parse(Deno.args, { from: "user" });
  return program.opts<Options>();
}

/** A cluster that runs. */
interface Started {
  /** What the first API node printed. */
  readonly welcome: string;
  readonly firstNode: NodeOptions;
}

/** Starts everything. @throws StartFailure */
async function startAll(
  options: Options,
  directory: string,
  processes: Processes,
): Promise<Started> {
  const secrets = join(directory, "secrets");
  await makeShared(secrets, []);
  const passwordFile = join(secrets, "postgres.password");
  const connectionsMax = options.apiNodes * CONNECTIONS_PER_NODE + CONNECTIONS_OF_OTHERS;
  const postgres = await preparePostgres(
    join(directory, "postgres"),
    passwordFile,
    freePort(),
    connectionsMax,
  );
  const numbered = (role: Role, count: number) =>
    Array.from({ length: count }, (_, index) => [role, index + 1] as const);
  const users = [...numbered("api", options.apiNodes), ...numbered("worker", options.workers)];
  const tls = join(secrets, "tls");
  const server = await prepareNats(join(directory, "nats"), tls, freePort(), users);
  await Promise.all([processes.start(postgres.program), processes.start(server.program)]);

  const natsOf = (name: string) => ({
    url: server.url,
    caFile: join(tls, "ca.pem"),
    credentialsFile: server.credentials.get(name) ?? "",
  });
  const ports: number[] = [];
  const nodeOf = (number: number): NodeOptions => {
    const name = `api-${number}`;
    const port = ports[number - 1] = freePort();
    return {
      name,
      port,
      dataDir: join(directory, name),
      publicUrl: `http://127.0.0.1:${options.port}`,
      databaseUrl: postgres.url,
      passwordFile,
      masterKeyFile: join(secrets, "master.key"),
      nats: natsOf(name),
    };
  };
  const firstNode = nodeOf(1);
  // Alone: the first start makes the administrator and its credentials.
  const welcome = await processes.start(apiNode(firstNode));
  await Promise.all([
    ...numbered("api", options.apiNodes).slice(1).map(([, number]) =>
      processes.start(apiNode(nodeOf(number)))
    ),
    ...numbered("worker", options.workers).map(([role, number]) => {
      const name = `${role}-${number}`;
      return processes.start(worker(name, directory, options.capacity, natsOf(name)));
    }),
  ]);
  await processes.start(
    await prepareBalancer(join(directory, "haproxy.cfg"), options.port, ports),
  );
  return { welcome, firstNode };
}

async function main(): Promise<number> {
  const options = readOptions();
  const directory = resolve(options.data);
  // PostgreSQL has a user of its own, which passes through; what is secret is closed itself.
  await Deno.mkdir(directory, { recursive: true, mode: 0o711 });
  using _lock = await lock(directory);
  if (await isListening(options.port)) {
    throw new StartFailure(
      `Port ${options.port} is in use; choose another port with --port`,
    );
  }
  const isFirst = !await exists(join(directory, "secrets"));
  const stopped = Promise.withResolvers<Deno.Signal>();
  await using processes = new Processes(join(directory, "logs"), (line) => console.error(line));
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      stopped.resolve(signal);
      if (++signals > 1) {
        processes.kill();
        Deno.exit(EXIT_INTERRUPTED);
      }
    });
  }
  const started = await Promise.race([
    startAll(options, directory, processes),
    stopped.promise.then(() => undefined),
  ]);
  if (started === undefined) return EXIT_INTERRUPTED;
  console.log(started.welcome.trimEnd());
  console.log(`\nFor invoked commands in another terminal:\n${exportsOf(started.firstNode)}`);
  console.log(`\n${describe(options, directory, isFirst)}`);
  await stopped.promise;
  console.error("stopping; a second signal kills everything");
  return 0;
}

/** Lines for a shell. */
function exportsOf(node: NodeOptions): string {
  return Object.entries(commandVariables(node))
    .map(([name, value]) => `export ${name}=${quoteForShell(value)}`).join("\n");
}

function describe({ apiNodes, workers, capacity }: Options, directory: string, isFirst: boolean) {
  const parts = `${apiNodes} API nodes and ${workers} workers of ${capacity} slots`;
  const kept = isFirst ? "New credentials and data are" : "Credentials and data are";
  return `${parts} run behind haproxy. ${kept} in ${directory}, logs in ${directory}/logs. ` +
    "Ctrl-C stops all.";
}

/** Two installations in one directory would destroy each other's data. */
async function lock(directory: string): Promise<Deno.FsFile> {
  const file = await Deno.open(join(directory, "lock"), { create: true, write: true, mode: 0o600 });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new StartFailure(`Directory ${directory} is in use by another local cluster`);
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof StartFailure)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(1);
}
