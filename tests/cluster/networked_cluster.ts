/** A cluster over TLS whose parts run on hosts of their own, so that each link can lose packets. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeNkeyUser } from "../../src/cluster/credentials/users.ts";
import { HeldSocket } from "../../src/shared/held_socket.ts";
import { certificateFor } from "../support/certificates.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { HeldServer } from "../support/held_server.ts";
import { makeTempDir, removeDirectory } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { commandOn, NETWORK, type NetworkHost, TestNetwork } from "../support/network.ts";
import { TestPostgres } from "../support/postgres.ts";
import { makeDataDir } from "../support/server.ts";
import { TestWorker } from "../support/workers.ts";
import { MASTER_KEY } from "./cluster.ts";

/** How soon nats-server finds out that a client is gone, as in deploy/nats/nats.conf. */
const PINGS = `ping_interval: "3s"\nping_max: 2\n`;

/** Where NATS servers listen for each other, each on its own host. */
const ROUTE_PORT = 6222;

/** An API node, its host, and a client of it. */
export interface NetworkedNode {
  readonly host: NetworkHost;
  readonly server: HeldServer;
  readonly client: Client;
}

/** A worker and its host. */
interface NetworkedWorker {
  readonly host: NetworkHost;
  readonly worker: TestWorker;
}

/** A process, and a service that it needs. */
export type Link = readonly [process: NetworkHost, service: NetworkHost];

export const DIRECTIONS = ["to the service", "from the service", "both ways"] as const;
type Direction = typeof DIRECTIONS[number];

/** A NATS server and its host. */
interface NetworkedNats {
  readonly host: NetworkHost;
  readonly server: TestNats;
}

interface Services {
  readonly nats: readonly NetworkedNats[];
  readonly postgres: { readonly host: NetworkHost; readonly database: string };
}

/**
 * The cluster. API nodes listen on sockets of this process, which reaches them although their other connections begin on
 * their hosts. Disposing the cluster ends all of it.
 */
export class NetworkedCluster implements AsyncDisposable {
  private constructor(
    private readonly opened: AsyncDisposableStack,
    private readonly directory: string,
    readonly network: TestNetwork,
    readonly services: Services,
  ) {}

  /**
   * @param workers how many will start, at most; the same for API nodes
   * @param natsServers how many form a cluster of NATS
   */
  static async open(nodes: number, workers: number, natsServers = 1): Promise<NetworkedCluster> {
    await using opened = new AsyncDisposableStack();
    const { path: directory } = opened.use(await makeTempDir());
    const network = opened.use(await TestNetwork.open());
    const postgresHost = await network.host();
    const natsHosts: NetworkHost[] = [];
    for (let number = 0; number < natsServers; number++) natsHosts.push(await network.host());
    const certificate = await certificateFor(
      join(directory, "tls"),
      [...natsHosts, postgresHost].map(({ address }) => address),
    );
    for (const [role, count] of [["api", nodes], ["worker", workers]] as const) {
      for (let number = 1; number <= count; number++) {
        await makeNkeyUser(directory, role, `${number}`);
      }
    }
    const config = PINGS + await Deno.readTextFile(join(directory, "users.conf"));
    const [postgres, ...servers] = await Promise.all([
      TestPostgres.start({ at: { host: postgresHost, certificate } }),
      ...natsHosts.map(async (host) => {
        const options = { config: config + routesOf(host, natsHosts), at: { host, certificate } };
        return { host, server: await TestNats.start(options) };
      }),
    ]);
    for (const service of [postgres, ...servers.map(({ server }) => server)]) opened.use(service);
    const services = {
      nats: servers,
      postgres: { host: postgresHost, database: await postgres.database() },
    };
    return new NetworkedCluster(opened.move(), directory, network, services);
  }

  /** A NATS server. @param number from 1 on */
  nats(number = 1): NetworkedNats {
    const nats = this.services.nats[number - 1];
    if (nats === undefined) throw new Error(`The cluster has no NATS server ${number}`);
    return nats;
  }

  /**
   * Starts an API node.
   * @param first has made the credentials of clients, unless this is the first node
   * @param nats the server that the node connects to
   */
  async node(
    number: number,
    first?: NetworkedNode,
    nats: NetworkedNats = this.nats(),
  ): Promise<NetworkedNode> {
    const { postgres } = this.services;
    const keyFile = join(this.directory, "master.key");
    await Deno.writeTextFile(keyFile, MASTER_KEY.INVOKED_MASTER_KEY, { mode: 0o600 });
    const flags = [
      ...["--database", postgres.database, "--master-key-file", keyFile],
      ...[...nats.server.address.flags, ...this.#credentials(`api-${number}`)],
      ...["--object-replicas", `${this.services.nats.length}`],
      ...["--egress-allow-private", NETWORK, "--max-attempts", "5"],
    ];
    const host = await this.network.host();
    const dataDir = this.opened.adopt(await makeDataDir({ flags }), removeDirectory);
    const socket = this.opened.use(await HeldSocket.bind("127.0.0.1", 0));
    const launcher = commandOn(host, []);
    const server = this.opened.use(await HeldServer.start(socket, { dataDir, flags, launcher }));
    return { host, server, client: await (first?.server ?? server).client(server.url) };
  }

  /** Starts a worker. @param server of NATS, which the worker connects to */
  async worker(
    number: number,
    capacity: number,
    { server }: NetworkedNats = this.nats(),
  ): Promise<NetworkedWorker> {
    const host = await this.network.host();
    const { address: nats } = server;
    const flags = [...this.#credentials(`worker-${number}`), "--egress-allow-private", NETWORK];
    const worker = this.opened.use(await TestWorker.start({ nats, capacity, flags, host }));
    return { host, worker };
  }

  /** Loses the packets of links until the result is disposed. */
  async lose(direction: Direction, links: readonly Link[]): Promise<AsyncDisposableStack> {
    await using lost = new AsyncDisposableStack();
    for (const [process, service] of links) {
      if (direction !== "from the service") {
        lost.use(await this.network.loseFrom(process, service));
      }
      if (direction !== "to the service") lost.use(await this.network.loseFrom(service, process));
    }
    return lost.move();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }

  #credentials(user: string): readonly string[] {
    return ["--nats-credentials", join(this.directory, `${user}.nk`)];
  }
}

/** What a NATS server needs to know of the others; nothing if it is the only one. */
function routesOf(host: NetworkHost, hosts: readonly NetworkHost[]): string {
  if (hosts.length === 1) return "";
  const routes = hosts.map(({ address }) => `"nats://${address}:${ROUTE_PORT}"`).join(", ");
  return `server_name: "${host.address}"\n` +
    `cluster { name: test, listen: "${host.address}:${ROUTE_PORT}", routes: [${routes}] }\n`;
}

/** Counts the runs of functions, which report on a host of its own. */
export class RunWitness implements AsyncDisposable {
  static readonly #port = 8000;
  /** How often each key was reported. */
  readonly runs = new Map<string, number>();
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #isReady = false;

  private constructor(private readonly host: NetworkHost) {
    const script = fileURLToPath(new URL("run_witness.ts", import.meta.url));
    const [program = "", ...args] = commandOn(host, [
      ...[Deno.execPath(), "run", "--quiet", "--no-config", "--no-check", "--allow-net"],
      ...[script, host.address, `${RunWitness.#port}`],
    ]);
    this.#process = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
    this.#reading = this.#read();
  }

  static async start(network: TestNetwork): Promise<RunWitness> {
    const witness = new RunWitness(await network.host());
    await eventually(() => witness.#isReady || undefined, "the witness");
    return witness;
  }

  /** For the allowlist of a function: a run with a key requests `http://ORIGIN/KEY`. */
  get origin(): string {
    return `${this.host.address}:${RunWitness.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "ready") this.#isReady = true;
        else this.runs.set(line, (this.runs.get(line) ?? 0) + 1);
      }
    }
  }
}
