import { getLogger } from "@logtape/logtape";
import type pg from "pg";
import { tryLock } from "./locks.ts";
import type { Servers } from "./servers.ts";

const logger = getLogger(["invoked", "store"]);

/** The indexes by name, each with what it indexes. */
const INDEXES = {
  invocations_text: `invocations using gin
    (input gin_trgm_ops, output gin_trgm_ops, error gin_trgm_ops)`,
  invocation_logs_text: "invocation_logs using gin (message gin_trgm_ops)",
};
/** A build that was interrupted leaves an index that is not valid. */
const STATE = `select i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relname = $1 and c.relnamespace = (select oid from pg_namespace where nspname = current_schema())`;

/**
 * The indexes of trigrams that find texts in invocations and their log lines. They are built beside the writes, by one
 * server.
 */
export class TextIndex {
  #client: pg.Client | undefined;
  #building: Promise<void> | undefined;
  #isReady = false;

  constructor(private readonly servers: Servers) {}

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Looks for the indexes, and builds those that are missing. */
  build(): void {
    this.#building = this.#build();
  }

  /** Ends a build; the next start begins it again. */
  async close(): Promise<void> {
    await this.#client?.end().catch(() => {});
    await this.#building;
  }

  async #build(): Promise<void> {
    try {
      const { client } = await this.servers.connect();
      this.#client = client;
      try {
        this.#isReady = await this.#ensure(client);
      } finally {
        this.#client = undefined;
        await client.end();
      }
    } catch (error) {
      logger.info(
        "searches for a text read invocation after invocation, because the indexes of trigrams (pg_trgm) are missing: {reason}",
        { reason: error instanceof Error ? error.message : String(error) },
      );
    }
  }

  async #ensure(client: pg.Client): Promise<boolean> {
    const missing = [];
    for (const [name, definition] of Object.entries(INDEXES)) {
      if (await isValid(client, name) !== true) missing.push({ name, definition });
    }
    if (missing.length === 0) return true;
    if (!await tryLock(client, "textIndex")) throw new Error("another server builds them");
    await client.query("create extension if not exists pg_trgm");
    for (const { name, definition } of missing) {
      if (await isValid(client, name) === false) await client.query(`drop index ${name}`);
      if (await isValid(client, name) === undefined) {
        await client.query(`create index concurrently ${name} on ${definition}`);
      }
    }
    return true;
  }
}

/** Whether an index is valid; undefined if it does not exist. */
async function isValid(client: pg.Client, name: string): Promise<boolean | undefined> {
  const { rows: [row] } = await client.query<{ valid: boolean }>(STATE, [name]);
  return row?.valid;
}
