import { getLogger } from "@logtape/logtape";
import type { ClientConfig } from "pg";
import type pg from "pg";
import { openClient } from "./connect.ts";
import { tryLock } from "./locks.ts";

const logger = getLogger(["invoked", "store"]);

const INDEX = "invocations_text";
/** A build that was interrupted leaves an index that is not valid. */
const STATE = `select i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relname = '${INDEX}' and c.relnamespace = (select oid from pg_namespace where nspname = current_schema())`;
const BUILD = `create index concurrently ${INDEX} on invocations using gin
  (input gin_trgm_ops, output gin_trgm_ops, error gin_trgm_ops)`;

/** The index of trigrams that finds texts in invocations. It is built beside the writes, by one server. */
export class TextIndex {
  readonly #config: ClientConfig;
  #client: pg.Client | undefined;
  #building: Promise<void> | undefined;
  #isReady = false;

  constructor(config: ClientConfig) {
    this.#config = config;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Looks for the index, and builds it if it is missing. */
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
      const client = this.#client = await openClient(this.#config);
      try {
        this.#isReady = await this.#ensure(client);
      } finally {
        this.#client = undefined;
        await client.end();
      }
    } catch (error) {
      logger.info(
        "searches for a text read invocation after invocation, because the index of trigrams (pg_trgm) is missing: {reason}",
        { reason: error instanceof Error ? error.message : String(error) },
      );
    }
  }

  async #ensure(client: pg.Client): Promise<boolean> {
    if (await isValid(client) === true) return true;
    if (!await tryLock(client, "textIndex")) throw new Error("another server builds it");
    await client.query("create extension if not exists pg_trgm");
    if (await isValid(client) === false) await client.query(`drop index ${INDEX}`);
    if (await isValid(client) === undefined) await client.query(BUILD);
    return true;
  }
}

/** Whether the index is valid; undefined if it does not exist. */
async function isValid(client: pg.Client): Promise<boolean | undefined> {
  const { rows: [row] } = await client.query<{ valid: boolean }>(STATE);
  return row?.valid;
}
