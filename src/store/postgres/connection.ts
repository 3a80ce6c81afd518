import type { Writable } from "node:stream";
import type { ClientBase, QueryConfig, QueryResult } from "pg";
import { storeError } from "./errors.ts";

/** Statements that a connection keeps prepared; the server runs fewer distinct ones often. */
export const PREPARED_STATEMENTS_MAX = 256;
/** Statements with more parameters have lists of any length, and are seldom run twice. */
const PREPARED_PARAMETERS_MAX = 64;
/** Texts that a connection has run once, of which the second run is prepared. */
const SEEN_TEXTS_MAX = 1024;

/** How long one statement may take; the connection then counts as lost. */
export const STATEMENT_TIMEOUT_MS = 60_000;

/** A connection that prepares the statements which it runs more than once. */
export class Connection {
  readonly #client: ClientBase;
  /** The time limit of one statement; undefined for none. */
  timeoutMs: number | undefined;
  /** Names of prepared statements by their text. */
  readonly #names = new Map<string, string>();
  readonly #seen = new Set<string>();
  #isHeld = false;

  constructor(client: ClientBase, timeoutMs: number | undefined) {
    this.#client = client;
    this.timeoutMs = timeoutMs;
  }

  /** Sends nothing until {@link release}: what is sent together takes one write to the socket, and arrives together. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#stream.cork();
  }

  /** Sends what was held. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#stream.uncork();
  }

  get #stream(): Writable {
    return (this.#client as ClientBase & { readonly connection: { readonly stream: Writable } })
      .connection.stream;
  }

  /** @param isFrequent prepares the statement at its first run */
  async query(
    text: string,
    parameters: readonly unknown[],
    isFrequent = false,
  ): Promise<QueryResult> {
    const name = this.#nameOf(text, parameters.length, isFrequent);
    const config: QueryConfig & { query_timeout?: number } = {
      text,
      values: parameters.map(withoutNul),
    };
    if (name !== undefined) config.name = name;
    if (this.timeoutMs !== undefined) config.query_timeout = this.timeoutMs;
    try {
      return await this.#client.query(config);
    } catch (error) {
      throw storeError(error);
    }
  }

  /** Runs several statements without parameters in one round trip; answers the result of each. */
  async script(text: string): Promise<readonly QueryResult[]> {
    try {
      const config = this.timeoutMs === undefined
        ? { text }
        : { text, query_timeout: this.timeoutMs };
      const results: QueryResult | QueryResult[] = await this.#client.query(config);
      return Array.isArray(results) ? results : [results];
    } catch (error) {
      throw storeError(error);
    }
  }

  #nameOf(text: string, parameters: number, isFrequent: boolean): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (parameters > PREPARED_PARAMETERS_MAX || this.#names.size >= PREPARED_STATEMENTS_MAX) {
      return undefined;
    }
    if (!isFrequent && !this.#seen.has(text)) {
      if (this.#seen.size < SEEN_TEXTS_MAX) this.#seen.add(text);
      return undefined;
    }
    this.#seen.delete(text);
    const name = `s${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}

/** PostgreSQL takes no text with a NUL: U+FFFD replaces it. */
function withoutNul(value: unknown): unknown {
  return typeof value === "string" && value.includes("\0")
    ? value.replaceAll("\0", "\ufffd")
    : value;
}
