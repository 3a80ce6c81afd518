/** Starts three real nats-servers that form a cluster, with replicated JetStream. */
import { connect } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { eventually } from "./eventually.ts";
import { NatsAddress, type NatsOptions, TestNats } from "./nats.ts";

const SERVERS = 3;
/** How long the servers may take to elect a leader; a bound for a broken cluster, not a measurement. */
const READY_TIMEOUT_MS = 180_000;

/** Running servers. Disposing them kills them, and removes their directories. */
export class TestNatsServers implements AsyncDisposable {
  private constructor(
    readonly servers: readonly TestNats[],
    readonly address: NatsAddress,
    private readonly opened: AsyncDisposableStack,
  ) {}

  /** The options hold for each server. */
  static async start(
    options: Pick<NatsOptions, "tls" | "maxFileStore"> = {},
  ): Promise<TestNatsServers> {
    await using opened = new AsyncDisposableStack();
    const routePorts = Array.from({ length: SERVERS }, () => freePort());
    const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
    const servers = await Promise.all(routePorts.map(async (port, at) => {
      const config = `server_name: server-${at + 1}\n` +
        `cluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }`;
      return opened.use(await TestNats.start({ ...options, config, monitorPort: freePort() }));
    }));
    const ports = servers.map(({ address }) => address.port);
    const address = new NatsAddress(ports, servers[0]?.address.caFile);
    await electsLeader(servers);
    return new TestNatsServers(servers, address, opened.move());
  }

  /** The server with the most clients. All servers must run. */
  async busiest(): Promise<TestNats> {
    const counted = await Promise.all(this.servers.map(async (server) => {
      const response = await fetch(new URL("/varz", server.monitorUrl));
      const { connections } = await response.json() as { readonly connections: number };
      return { server, connections };
    }));
    return counted.reduce((a, b) => b.connections > a.connections ? b : a).server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}

/** Resolves once every server answers for JetStream, which it does once the servers have a leader. */
async function electsLeader(servers: readonly TestNats[]): Promise<void> {
  await Promise.all(servers.map(async ({ address }) => {
    const connection = await connect(address.client);
    await eventually(
      async () => {
        const manager = await jetstreamManager(connection, { checkAPI: false });
        return await manager.getAccountInfo().catch(() => undefined);
      },
      "the leader of JetStream",
      READY_TIMEOUT_MS,
    );
    await connection.close();
  }));
}
