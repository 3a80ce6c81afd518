import type { Duplex } from "node:stream";
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

/** The stream of a connection, which the types of the driver hide. */
export function streamOf(client: ClientBase): Duplex {
  return (client as ClientBase & { readonly connection: { readonly stream: Duplex } })
    .connection.stream;
}

/** A connection that prepares the statements which it runs more than once. */
export class Connection {
  /** Names of prepared statements by their text. */
  readonly #names = new Map<string, string>();
  readonly #seen = new Set<string>();
  #isHeld = false;
  /** Statements without an answer so far. */
  #unanswered = 0;
  #unansweredBytes = 0;

  /** @param timeoutMs the time limit of one statement; undefined for none */
  constructor(private readonly client: ClientBase, public timeoutMs: number | undefined) {}

  /** Sends nothing until {@link release}: what is sent together takes one write to the socket, and arrives together. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    streamOf(this.client).cork();
  }

  /** Sends what was held. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    streamOf(this.client).uncork();
  }

  /** Whether the server owes an answer to what was sent. */
  get isAwaiting(): boolean {
    return this.#unanswered > 0 && !this.#isHeld;
  }

  /** About how much the statements without an answer have to send. */
  get unansweredBytes(): number {
    return this.#unansweredBytes;
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
    const bytes = parameters.reduce<number>((sum, value) => sum + bytesOf(value), text.length);
    return await this.#answered(this.client.query(config), bytes);
  }

  /** Runs several statements without parameters in one round trip; answers the result of each. */
  async script(text: string): Promise<readonly QueryResult[]> {
    const config = this.timeoutMs === undefined
      ? { text }
      : { text, query_timeout: this.timeoutMs };
    const sent: Promise<QueryResult | QueryResult[]> = this.client.query(config);
    const results = await this.#answered(sent, text.length);
    return Array.isArray(results) ? results : [results];
  }

  async #answered<T>(sent: Promise<T>, bytes: number): Promise<T> {
    this.#unanswered++;
    this.#unansweredBytes += bytes;
    try {
      return await sent;
    } catch (error) {
      throw storeError(error);
    } finally {
      this.#unanswered--;
      this.#unansweredBytes -= bytes;
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

/** Other values than texts and bytes, and lists of them, are short. */
function bytesOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  return Array.isArray(value) ? value.reduce<number>((sum, each) => sum + bytesOf(each), 0) : 0;
}

/** PostgreSQL takes no text with a NUL: U+FFFD replaces it. */
function withoutNul(value: unknown): unknown {
  return typeof value === "string" && value.includes("\0")
    ? value.replaceAll("\0", "\ufffd")
    : value;
}
