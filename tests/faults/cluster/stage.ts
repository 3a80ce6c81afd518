/** A cluster of real processes over TLS, each of which reaches NATS and PostgreSQL through relays of its own. */
import { join } from "node:path";
import { Client } from "../../support/client.ts";
import { SmallDisk } from "../../support/disk.ts";
import { eventually } from "../../support/eventually.ts";
import { makeTempDir } from "../../support/invoked.ts";
import { TestNats } from "../../support/nats.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { Relay } from "../../support/relay.ts";
import { TestServer } from "../../support/server.ts";
import { TestWorker } from "../../support/workers.ts";
import { BARRIER_FLAGS } from "../../volumes/barrier.ts";
import { FakeClock } from "../clock.ts";
import type { Door } from "../load.ts";
import { Member, type OnLog } from "./member.ts";

const NODES = 2;
const WORKERS = 3;
/** Slots of each worker. */
const CAPACITY = 2;
/** The disk of NATS in a short run and in a long one, which stores more. Streams may use half of it. */
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

export class Stage implements AsyncDisposable, Door {
  readonly #clients = new Map<string, Client>();
  #turn = 0;

  private constructor(
    readonly postgres: TestPostgres,
    readonly nats: TestNats,
    /** Undefined on a machine where nobody may mount. */
    readonly disk: SmallDisk | undefined,
    /** The clock of the last API node; undefined without libfaketime. */
    readonly clock: FakeClock | undefined,
    readonly nodes: readonly Member<TestServer>[],
    readonly workers: readonly Member<TestWorker>[],
    private readonly credentials: { readonly clientId: string; readonly clientSecret: string },
    private readonly opened: AsyncDisposableStack,
  ) {}

  static async start(onLog: OnLog, isLong: boolean): Promise<Stage> {
    await using opened = new AsyncDisposableStack();
    const mebibytes = isLong ? DISK_MEBIBYTES.long : DISK_MEBIBYTES.short;
    const disk = await SmallDisk.mount(mebibytes).catch(() => undefined);
    if (disk !== undefined) opened.use(disk);
    const [postgres, nats, clock] = await Promise.all([
      TestPostgres.start(),
      TestNats.start({
        maxFileStore: mebibytes / 2 * MEBIBYTE,
        ...disk === undefined ? {} : { storeDir: join(disk.path, "streams") },
      }),
      FakeClock.open(),
    ]);
    opened.use(postgres);
    opened.use(nats);
    if (clock !== undefined) opened.use(clock);
    const database = new URL(await postgres.database());
    const nodes: Member<TestServer>[] = [];
    for (let number = 1; number <= NODES; number++) {
      const env = number === NODES ? clock?.env ?? {} : {};
      nodes.push(await startNode(`API node ${number}`, { database, nats, env, onLog, opened }));
    }
    const workers = await Promise.all(Array.from({ length: WORKERS }, async (_, at) => {
      const relay = opened.use(await Relay.to(nats.address.port));
      const own = nats.address.through(relay);
      const start = () => TestWorker.start({ nats: own, capacity: CAPACITY, flags: BARRIER_FLAGS });
      return opened.use(await Member.start(`worker ${at + 1}`, { nats: relay }, start, onLog));
    }));
    const credentials = await nodes[0]?.process?.credentials();
    if (credentials === undefined) throw new Error("The first API node has ended");
    const parts = [postgres, nats, disk, clock, nodes, workers, credentials] as const;
    return new Stage(...parts, opened.move());
  }

  get members(): readonly Member[] {
    return [...this.nodes, ...this.workers];
  }

  /** A client of one API node after another. */
  async client(): Promise<Client> {
    return await eventually(
      async () => {
        const url = this.nodes[this.#turn++ % NODES]?.process?.url;
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

  /** Resolves once every process runs, and every API node says that it is ready. */
  async ready(): Promise<void> {
    for (const member of this.members) await member.ready();
    for (const node of this.nodes) {
      let reason = "it does not answer";
      await eventually(
        async () => {
          const url = node.process?.url;
          if (url === undefined) return undefined;
          const answer = await fetch(new URL("/readyz", url), {
            signal: AbortSignal.timeout(LOOK_MS),
          }).catch(() => undefined);
          reason = await answer?.text() ?? reason;
          return answer?.status === 200 || undefined;
        },
        `the readiness of ${node.name}`,
        READY_MS,
      ).catch((error) => {
        throw new Error(`${error.message}: ${reason}`);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}

async function startNode(
  name: string,
  { database, nats, env, onLog, opened }: {
    readonly database: URL;
    readonly nats: TestNats;
    readonly env: Readonly<Record<string, string>>;
    readonly onLog: OnLog;
    readonly opened: AsyncDisposableStack;
  },
): Promise<Member<TestServer>> {
  const links = {
    nats: opened.use(await Relay.to(nats.address.port)),
    postgres: opened.use(await Relay.to(Number(database.port))),
  };
  const directory = opened.use(await makeTempDir());
  const url = new URL(database);
  url.port = String(links.postgres.port);
  const flags = ["--database", url.href, ...nats.address.through(links.nats).flags];
  const start = () =>
    TestServer.start({
      dataDir: directory.path,
      flags: [...flags, ...NODE_FLAGS],
      env: { ...MASTER_KEY, ...env },
    });
  return opened.use(await Member.start(name, links, start, onLog));
}
