/** The servers of a database, of which one is the primary: after a failover, another one. */
import type { ClientConfig } from "pg";
import pg from "pg";
import { StorageUnavailable } from "../storage_health.ts";
import { clientConfigsOf, type DatabaseConfig } from "./address.ts";
import {
  connectFailure,
  openClient,
  readFacts,
  type ServerFacts,
  unsupportedReason,
} from "./connect.ts";
import { DatabaseError } from "./database_error.ts";
import { isUnanswered, UNREACHABLE } from "./errors.ts";
import { SHARING_TIMEOUT_MS, sharingReason } from "./poolers.ts";
import { type BackendState, cut, cutIfLate, silenceError } from "./silence.ts";

/** How long another connection may take to find out why a connection is silent. */
const LOOK_TIMEOUT_MS = 2_000;
/** How long a server may take to report its settings, or its timeline. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long a server that went silent may delay the search among several servers. */
const SILENT_CONNECT_TIMEOUT_MS = 3_000;

/** A connection to the primary. */
interface PrimaryConnection {
  readonly client: pg.Client;
  readonly facts: ServerFacts;
  /** How to connect to its server. */
  readonly server: ClientConfig;
}

/** Finds the primary among the servers of a database. */
export class Servers {
  /** The position of the server that was the primary when it was last looked for. */
  #primary = 0;
  /** The timeline of the last primary: each promotion begins a higher one. */
  #timeline = 0;
  /** Whether no pooler was found that shares processes between connections. */
  #isSharingChecked = false;
  /** The connections that are open or being opened, by their server. */
  readonly #clients = new Map<ClientConfig, Set<pg.Client>>();
  /** The server that went silent and answered no other connection, until a primary is found. */
  #unreachable: ClientConfig | undefined;

  private constructor(
    private readonly configs: readonly ClientConfig[],
    private readonly label: string,
  ) {}

  /** @throws DatabaseError if a file of the settings cannot be read */
  static async of(database: DatabaseConfig): Promise<Servers> {
    return new Servers(await clientConfigsOf(database), database.url.label);
  }

  /** How to connect to the primary. Another object after a failover. */
  get primary(): ClientConfig {
    const config = this.configs[this.#primary];
    if (config === undefined) throw new RangeError("No server has this position");
    return config;
  }

  /** The driver's class for connections to a server, which end once the server goes silent. */
  clientClass(server: ClientConfig): typeof pg.Client {
    const track = (client: pg.Client) => {
      this.#track(server, client);
      // A pool opens further connections for the reads that lost theirs.
      if (server === this.#unreachable) queueMicrotask(() => cut(client, silenceError()));
    };
    return class extends pg.Client {
      constructor(config?: string | ClientConfig) {
        super(config);
        track(this);
      }
    };
  }

  /** @throws StorageUnavailable at once while a server is known to be silent */
  assertReachable(server: ClientConfig): void {
    if (this.#unreachable === server) {
      throw new StorageUnavailable(UNREACHABLE, { cause: silenceError() });
    }
  }

  /** Finds out over another connection what the process does that serves a connection. Never rejects. */
  async look(
    server: ClientConfig,
    { pid, startedAt }: Pick<ServerFacts, "pid" | "startedAt">,
  ): Promise<BackendState> {
    // Its own time limit would count a pause of this process as silence.
    const client = new pg.Client({ ...server, connectionTimeoutMillis: 0 });
    client.on("error", () => {});
    try {
      return await cutIfLate(client, LOOK_TIMEOUT_MS, async () => {
        await client.connect();
        const { rows: [row] } = await client.query<BackendRow>(BACKEND_STATE, [pid, startedAt]);
        return row === undefined || row.isSame === false || row.state?.startsWith("idle")
          ? "waiting"
          : "working";
      });
    } catch (error) {
      // A server that takes no connection and says why is not silent.
      return isUnanswered(error) ? "unreachable" : "working";
    } finally {
      client.end().catch(() => {});
    }
  }

  /**
   * Gives up every connection to a server that went silent, so that nothing waits for the server any longer. The network
   * may have lost these connections alone, so later ones are tried unless the server is unreachable.
   */
  giveUp(server: ClientConfig, state: BackendState): void {
    if (state === "unreachable") this.#unreachable = server;
    const clients = this.#clients.get(server) ?? [];
    this.#clients.delete(server);
    for (const client of clients) cut(client, silenceError());
  }

  /**
   * Gives up every connection: the network may lose what was sent. If a commit is under way, PostgreSQL says on a new
   * connection whether the commit arrived.
   */
  giveUpAll(): void {
    for (const server of this.#clients.keys()) this.giveUp(server, "waiting");
  }

  /**
   * Connects to the primary: tries the last primary, then the other servers in their order. A server that went silent
   * comes last.
   * @param more settings of the connection
   * @throws DatabaseError if no server is a primary that the store can use; its `cause` is the first error of a connection
   */
  async connect(
    onError?: (error: Error) => void,
    more: Partial<ClientConfig> & { readonly pipeline?: boolean } = {},
  ): Promise<PrimaryConnection> {
    const failures: DatabaseError[] = [];
    const count = this.configs.length;
    const first = this.#primary + (this.primary === this.#unreachable ? 1 : 0);
    for (let step = 0; step < count; step++) {
      const at = (first + step) % count;
      const server = this.configs[at] as ClientConfig;
      const opened = await this.#open(server, { ...this.#timeoutOf(server), ...more }, onError);
      if (opened instanceof DatabaseError) {
        failures.push(opened);
        continue;
      }
      this.#primary = at;
      this.#unreachable = undefined;
      return opened;
    }
    const [failure, ...others] = failures;
    if (failure !== undefined && others.length === 0) throw failure;
    const reasons = failures.map(({ message }) => message).join("; ");
    throw new DatabaseError(`${this.label} has no primary: ${reasons}`, { cause: failure?.cause });
  }

  async #open(
    server: ClientConfig,
    more: Partial<ClientConfig>,
    onError: ((error: Error) => void) | undefined,
  ): Promise<PrimaryConnection | DatabaseError> {
    const label = this.configs.length === 1 ? this.label : `server ${addressOf(server)}`;
    const config = { ...server, ...more };
    let client: pg.Client | undefined;
    try {
      const opened = client = await openClient(config, onError);
      this.#track(server, opened);
      const facts = await cutIfLate(opened, ANSWER_TIMEOUT_MS, () => readFacts(opened));
      const reason = unsupportedReason(facts) ??
        await cutIfLate(opened, ANSWER_TIMEOUT_MS, () => this.#outdatedReason(opened)) ??
        await this.#sharingReason(opened, facts, config);
      if (reason === undefined) return { client, facts, server };
      client.end().catch(() => {});
      return new DatabaseError(`${label} is not supported: ${reason}`);
    } catch (error) {
      client?.end().catch(() => {});
      return connectFailure(error, label, config);
    }
  }

  #timeoutOf(server: ClientConfig): Partial<ClientConfig> {
    const { connectionTimeoutMillis = Infinity } = server;
    return this.configs.length > 1 && server === this.#unreachable
      ? { connectionTimeoutMillis: Math.min(connectionTimeoutMillis, SILENT_CONNECT_TIMEOUT_MS) }
      : {};
  }

  #track(server: ClientConfig, client: pg.Client): void {
    const clients = this.#clients.get(server) ?? new Set();
    this.#clients.set(server, clients.add(client));
    client.once("end", () => clients.delete(client));
  }

  /** Asked once: while a server runs, its connections may be all that a pooler has. */
  async #sharingReason(
    client: pg.Client,
    { pid }: ServerFacts,
    config: ClientConfig,
  ): Promise<string | undefined> {
    if (this.#isSharingChecked) return undefined;
    const reason = await cutIfLate(
      client,
      SHARING_TIMEOUT_MS,
      () => sharingReason(client, pid, config),
    );
    this.#isSharingChecked = reason === undefined;
    return reason;
  }

  /** Why a server that takes writes is not the primary: it was one before a failover that this process has seen. */
  async #outdatedReason(client: pg.Client): Promise<string | undefined> {
    if (this.configs.length === 1) return undefined;
    const { rows: [row] } = await client.query<{ timeline: number }>(TIMELINE);
    const timeline = row?.timeline ?? 0;
    if (timeline < this.#timeline) {
      return `it is a former primary on timeline ${timeline}, and the primary is on timeline ${this.#timeline}; stop it`;
    }
    this.#timeline = timeline;
    return undefined;
  }
}

/** What PostgreSQL says of a process. A role that may not see the process gets null. */
interface BackendRow {
  readonly state: string | null;
  readonly isSame: boolean | null;
}

const BACKEND_STATE = `select state, extract(epoch from backend_start) = $2::numeric as "isSame"
  from pg_stat_activity where pid = $1`;

/** The timeline is the begin of the name of the file to which the primary writes. */
const TIMELINE =
  "select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as timeline";

function addressOf({ host = "", port = 0 }: ClientConfig): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
