/** A cluster of real processes, each of which reaches NATS and PostgreSQL through relays of its own. */
import { join } from "node:path";
import { freePort } from "../../../deploy/local_cluster/network.ts";
import { Client, type Json } from "../../support/client.ts";
import { SmallDisk } from "../../support/disk.ts";
import { eventually } from "../../support/eventually.ts";
import { makeTempDir } from "../../support/invoked.ts";
import { type NatsAddress, TestNats } from "../../support/nats.ts";
import { TestNatsServers } from "../../support/nats_servers.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { Relay } from "../../support/relay.ts";
import { TestServer } from "../../support/server.ts";
import { TestWorker } from "../../support/workers.ts";
import { BARRIER_FLAGS } from "../../volumes/barrier.ts";
import { FakeClock } from "../clock.ts";
import type { ClusterOptions } from "../history.ts";
import type { Door } from "../load.ts";
import { Balancer } from "./balancer.ts";
import { type Links, Member, type OnLog } from "./member.ts";

const NODES = 2;
const WORKERS = 3;
/** Slots of each worker. */
const CAPACITY = 2;
/** The disk of each NATS server in a short run and in a long one, which stores more. Streams may use half of it. */
const DISK_MEBIBYTES = { short: 256, long: 2_048 } as const;
const MEBIBYTE = 1024 * 1024;
/** How long the cluster may take to be ready after a fault; a bound, not a measurement. */
const READY_MS = 120_000;
/** How long one look at a server may take, which may be stopped. */
const LOOK_MS = 5_000;
/** All API nodes have the same master key. */
const MASTER_KEY = { INVOKED_MASTER_KEY: new Uint8Array(32).fill(7).toBase64() };
const MAX_ATTEMPTS = 2;
const NODE_FLAGS = [...BARRIER_FLAGS, "--max-attempts", `${MAX_ATTEMPTS}`];

export interface StageOptions extends ClusterOptions {
  /** Whether it runs long enough for a larger disk of NATS. */
  readonly isLong: boolean;
  /** Whether haproxy is in front of the API nodes; otherwise callers choose one node after another. */
  readonly isBalanced: boolean;
}

/** The servers of NATS. */
interface NatsServers {
  readonly servers: readonly TestNats[];
  readonly address: NatsAddress;
  /** Of the only server; undefined on a machine where nobody may mount, and for several servers. */
  readonly disk: SmallDisk | undefined;
}

/** What members are made of. */
interface Parts {
  readonly database: URL;
  readonly nats: NatsServers;
  readonly onLog: OnLog;
  readonly opened: AsyncDisposableStack;
}

export class Stage implements AsyncDisposable, Door {
  readonly #clients = new Map<string, Client>();
  #turn = 0;

  private constructor(
    readonly postgres: TestPostgres,
    readonly nats: NatsServers,
    /** The clock of the last API node; undefined without libfaketime. */
    readonly clock: FakeClock | undefined,
    readonly nodes: readonly Member<TestServer>[],
    readonly workers: readonly Member<TestWorker>[],
    /** Undefined if callers choose the API nodes. */
    readonly balancer: Balancer | undefined,
    private readonly credentials: { readonly clientId: string; readonly clientSecret: string },
    private readonly opened: AsyncDisposableStack,
  ) {}

  static async start(options: StageOptions, onLog: OnLog): Promise<Stage> {
    await using opened = new AsyncDisposableStack();
    const [postgres, nats, clock] = await Promise.all([
      TestPostgres.start({ tls: options.tls }),
      startNats(options, opened),
      FakeClock.open(),
    ]);
    opened.use(postgres);
    if (clock !== undefined) opened.use(clock);
    const parts = { database: new URL(await postgres.database()), nats, onLog, opened };
    const nodes: Member<TestServer>[] = [];
    const ports: number[] = [];
    for (let number = 1; number <= NODES; number++) {
      const env = number === NODES ? clock?.env ?? {} : {};
      const port = options.isBalanced ? freePort() : 0;
      ports.push(port);
      nodes.push(await startNode(`API node ${number}`, port, env, parts));
    }
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, (_, at) => startWorker(`worker ${at + 1}`, parts)),
    );
    const balancer = options.isBalanced ? opened.use(await Balancer.start(ports)) : undefined;
    const credentials = await nodes[0]?.process?.credentials();
    if (credentials === undefined) throw new Error("The first API node has ended");
    return new Stage(postgres, nats, clock, nodes, workers, balancer, credentials, opened.move());
  }

  get members(): readonly Member[] {
    return [...this.nodes, ...this.workers];
  }

  /** A client of haproxy, or of one API node after another. */
  async client(): Promise<Client> {
    return await eventually(
      async () => {
        const url = this.balancer?.url ?? this.nodes[this.#turn++ % NODES]?.process?.url;
        if (url === undefined) return undefined;
        const known = this.#clients.get(url);
        if (known !== undefined) return known;
        const { clientId, clientSecret } = this.credentials;
        const client = await Client.login(url, clientId, clientSecret).catch(() => undefined);
        if (client !== undefined) this.#clients.set(url, client);
        return client;
      },
      "an API node to call",
      READY_MS,
    );
  }

  forgetToken(client?: Client): void {
    if (client === undefined) this.#clients.clear();
    else if (this.#clients.get(client.url) === client) this.#clients.delete(client.url);
  }

  /** Resolves once every process runs, every server says that it is ready, and every API node knows every worker. */
  async ready(): Promise<void> {
    for (const member of this.members) await member.ready();
    for (const { monitorUrl } of this.nats.servers) {
      await isReady("a NATS server", () => `${monitorUrl}/healthz`);
    }
    const { balancer } = this;
    const below = (url?: string) => url === undefined ? undefined : `${url}/readyz`;
    for (const node of this.nodes) {
      await isReady(node.name, () => below(node.process?.url));
      await this.#knowsWorkers(node);
    }
    if (balancer !== undefined) await isReady("haproxy", () => below(balancer.url));
  }

  async #knowsWorkers(node: Member<TestServer>): Promise<void> {
    const { clientId, clientSecret } = this.credentials;
    await eventually(
      async () => {
        const url = node.process?.url;
        if (url === undefined) return undefined;
        const client = await Client.login(url, clientId, clientSecret).catch(() => undefined);
        const answer = await client?.get("/api/v1/status").catch(() => undefined);
        const workers: Json[] = answer?.body?.workers ?? [];
        const open = new Set(workers.filter(({ isDraining }) => !isDraining).map(({ id }) => id));
        return this.workers.every(({ process }) => open.has(process?.id)) || undefined;
      },
      `all workers at ${node.name}`,
      READY_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}

/** One server on a small disk, or several that replicate what they store. */
async function startNats(
  { natsServers, tls, isLong }: StageOptions,
  opened: AsyncDisposableStack,
): Promise<NatsServers> {
  const mebibytes = isLong ? DISK_MEBIBYTES.long : DISK_MEBIBYTES.short;
  const maxFileStore = mebibytes / 2 * MEBIBYTE;
  if (natsServers > 1) {
    const { servers, address } = opened.use(await TestNatsServers.start({ tls, maxFileStore }));
    return { servers, address, disk: undefined };
  }
  const disk = await SmallDisk.mount(mebibytes).catch(() => undefined);
  if (disk !== undefined) opened.use(disk);
  const nats = await TestNats.start({
    tls,
    maxFileStore,
    monitorPort: freePort(),
    ...disk === undefined ? {} : { storeDir: join(disk.path, "streams") },
  });
  return { servers: [opened.use(nats)], address: nats.address, disk };
}

/** A relay to each server of NATS, and the address behind them. */
async function relaysTo({ address }: NatsServers, opened: AsyncDisposableStack) {
  const relays = await Promise.all(
    address.ports.map(async (port) => opened.use(await Relay.to(port))),
  );
  return { relays, address: address.through(...relays) };
}

async function startNode(
  name: string,
  port: number,
  env: Readonly<Record<string, string>>,
  { database, nats, onLog, opened }: Parts,
): Promise<Member<TestServer>> {
  const { relays, address } = await relaysTo(nats, opened);
  const postgres = opened.use(await Relay.to(Number(database.port)));
  const links: Links = { nats: relays, postgres };
  const directory = opened.use(await makeTempDir());
  const url = new URL(database);
  url.port = String(postgres.port);
  const own = ["--port", `${port}`, "--object-replicas", `${nats.servers.length}`];
  const flags = ["--database", url.href, ...address.flags, ...own, ...NODE_FLAGS];
  const start = () =>
    TestServer.start({ dataDir: directory.path, flags, env: { ...MASTER_KEY, ...env } });
  return opened.use(await Member.start(name, links, start, onLog));
}

async function startWorker(
  name: string,
  { nats, onLog, opened }: Parts,
): Promise<Member<TestWorker>> {
  const { relays, address } = await relaysTo(nats, opened);
  const start = () => TestWorker.start({ nats: address, capacity: CAPACITY, flags: BARRIER_FLAGS });
  return opened.use(await Member.start(name, { nats: relays }, start, onLog));
}

/** Resolves once this URL, which may change meanwhile, answers 200. */
async function isReady(name: string, urlOf: () => string | undefined): Promise<void> {
  let reason = "it does not answer";
  await eventually(
    async () => {
      const url = urlOf();
      if (url === undefined) return undefined;
      const answer = await fetch(url, { signal: AbortSignal.timeout(LOOK_MS) })
        .catch(() => undefined);
      reason = await answer?.text() ?? reason;
      return answer?.status === 200 || undefined;
    },
    `the readiness of ${name}`,
    READY_MS,
  ).catch((error) => {
    throw new Error(`${error.message}: ${reason}`);
  });
}
