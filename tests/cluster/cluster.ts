/** A cluster of real processes on this machine: PostgreSQL, NATS, API nodes, workers. */
import { Client } from "../support/client.ts";
import { type NatsOptions, TestNats } from "../support/nats.ts";
import { type PostgresOptions, TestPostgres } from "../support/postgres.ts";
import { type ServerOptions, TestServer } from "../support/server.ts";
import { TestWorker, type WorkerOptions } from "../support/workers.ts";

/** Disposing it kills all of it. */
export class TestCluster implements AsyncDisposable {
  private constructor(
    readonly postgres: TestPostgres,
    readonly nats: TestNats,
    /** The URL of the database. */
    readonly database: string,
    private readonly opened: AsyncDisposableStack,
  ) {}

  /** Over TLS unless the options say otherwise. */
  static async start(
    options: NatsOptions = {},
    database: PostgresOptions = {},
  ): Promise<TestCluster> {
    await using opened = new AsyncDisposableStack();
    const [postgres, nats] = await Promise.all([
      TestPostgres.start(database),
      TestNats.start(options),
    ]);
    opened.use(postgres);
    opened.use(nats);
    return new TestCluster(postgres, nats, await postgres.database(), opened.move());
  }

  get databaseName(): string {
    return new URL(this.database).pathname.slice(1);
  }

  /** Starts an API node; it runs no invocations itself unless its flags say so. */
  async node(
    { database = this.database, ...options }: ServerOptions & { database?: string } = {},
  ): Promise<TestServer> {
    const flags = [
      "--database",
      database,
      ...this.nats.address.flags,
      // Hanging invocations hang as long as their test needs them, on a busy machine too.
      "--invocation-timeout",
      "10m",
      ...options.flags ?? [],
    ];
    return this.opened.use(
      await TestServer.start({ ...options, flags, env: { ...MASTER_KEY, ...options.env } }),
    );
  }

  async worker(options: Partial<WorkerOptions> = {}): Promise<TestWorker> {
    return this.opened.use(await TestWorker.start({ nats: this.nats.address, ...options }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}

/** All API nodes have the same. */
export const MASTER_KEY = { INVOKED_MASTER_KEY: new Uint8Array(32).fill(7).toBase64() };

/** An API node, a client of it, and workers with so many slots each. */
export async function startWith(
  cluster: TestCluster,
  ...capacities: readonly number[]
): Promise<{ node: TestServer; client: Client; workers: TestWorker[] }> {
  const node = await cluster.node();
  const workers = await Promise.all(capacities.map((capacity) => cluster.worker({ capacity })));
  return { node, client: await node.client(), workers };
}

/** Three API nodes on one database. */
export interface ThreeNodes {
  /** The first one has made the first client, and its credentials. */
  readonly nodes: readonly [TestServer, TestServer, TestServer];
  /** Of the first node. */
  readonly client: Client;
}
