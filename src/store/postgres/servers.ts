/** The servers of a database, of which one is the primary: after a failover, another one. */
import type { ClientConfig } from "pg";
import type pg from "pg";
import { clientConfigsOf, type DatabaseConfig } from "./address.ts";
import {
  connectFailure,
  openClient,
  readFacts,
  type ServerFacts,
  unsupportedReason,
} from "./connect.ts";
import { DatabaseError } from "./database_error.ts";
import { sharingReason } from "./poolers.ts";

/** A connection to the primary. */
interface PrimaryConnection {
  readonly client: pg.Client;
  readonly facts: ServerFacts;
}

/** Finds the primary among the servers of a database. */
export class Servers {
  readonly #configs: readonly ClientConfig[];
  readonly #label: string;
  /** The position of the server that was the primary when it was last looked for. */
  #primary = 0;
  /** The timeline of the last primary: each promotion begins a higher one. */
  #timeline = 0;
  /** Whether no pooler was found that shares processes between connections. */
  #isSharingChecked = false;

  private constructor(configs: readonly ClientConfig[], label: string) {
    this.#configs = configs;
    this.#label = label;
  }

  /** @throws DatabaseError if a file of the settings cannot be read */
  static async of(database: DatabaseConfig): Promise<Servers> {
    return new Servers(await clientConfigsOf(database), database.url.label);
  }

  /** How to connect to the primary. Another object after a failover. */
  get primary(): ClientConfig {
    const config = this.#configs[this.#primary];
    if (config === undefined) throw new RangeError("No server has this position");
    return config;
  }

  /**
   * Connects to the primary: tries the last primary, then the other servers in their order.
   * @param more settings of the connection
   * @throws DatabaseError if no server is a primary that the store can use; its `cause` is the first error of a connection
   */
  async connect(
    onError?: (error: Error) => void,
    more: Partial<ClientConfig> & { readonly pipeline?: boolean } = {},
  ): Promise<PrimaryConnection> {
    const failures: DatabaseError[] = [];
    for (let step = 0; step < this.#configs.length; step++) {
      const at = (this.#primary + step) % this.#configs.length;
      const opened = await this.#open({ ...this.#configs[at], ...more }, onError);
      if (opened instanceof DatabaseError) {
        failures.push(opened);
        continue;
      }
      this.#primary = at;
      return opened;
    }
    const [first, ...others] = failures;
    if (first !== undefined && others.length === 0) throw first;
    const reasons = failures.map(({ message }) => message).join("; ");
    throw new DatabaseError(`${this.#label} has no primary: ${reasons}`, { cause: first?.cause });
  }

  async #open(
    config: ClientConfig,
    onError: ((error: Error) => void) | undefined,
  ): Promise<PrimaryConnection | DatabaseError> {
    const label = this.#configs.length === 1 ? this.#label : `server ${addressOf(config)}`;
    let client: pg.Client | undefined;
    try {
      client = await openClient(config, onError);
      const facts = await readFacts(client);
      const reason = unsupportedReason(facts) ?? await this.#outdatedReason(client) ??
        await this.#sharingReason(client, facts, config);
      if (reason === undefined) return { client, facts };
      client.end().catch(() => {});
      return new DatabaseError(`${label} is not supported: ${reason}`);
    } catch (error) {
      client?.end().catch(() => {});
      return connectFailure(error, label, config);
    }
  }

  /** Asked once: while a server runs, its connections may be all that a pooler has. */
  async #sharingReason(
    client: pg.Client,
    { pid }: ServerFacts,
    config: ClientConfig,
  ): Promise<string | undefined> {
    if (this.#isSharingChecked) return undefined;
    const reason = await sharingReason(client, pid, config);
    this.#isSharingChecked = reason === undefined;
    return reason;
  }

  /** Why a server that takes writes is not the primary: it was one before a failover that this process has seen. */
  async #outdatedReason(client: pg.Client): Promise<string | undefined> {
    if (this.#configs.length === 1) return undefined;
    const { rows: [row] } = await client.query<{ timeline: number }>(TIMELINE);
    const timeline = row?.timeline ?? 0;
    if (timeline < this.#timeline) {
      return `it is a former primary on timeline ${timeline}, and the primary is on timeline ${this.#timeline}; stop it`;
    }
    this.#timeline = timeline;
    return undefined;
  }
}

/** The timeline is the begin of the name of the file to which the primary writes. */
const TIMELINE =
  "select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as timeline";

function addressOf({ host = "", port = 0 }: ClientConfig): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
