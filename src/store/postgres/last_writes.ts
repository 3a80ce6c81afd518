/**
 * The number of the last transaction that a process has committed, which the transaction itself writes. When a commit gets
 * no answer, the row says whether it happened. An id of a transaction could not say so after a failover: the new primary
 * may give the same id to another transaction.
 */
import { randomUUID } from "node:crypto";
import { ROW_UPDATES_MAX } from "../usage_rows.ts";

/** How long the row of a process that was killed is kept: longer than a commit stays in doubt. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

const WRITE = `insert into last_writes (writer, number, written_at) values ($1, $2, $3)
  on conflict (writer) do update set number = excluded.number, written_at = excluded.written_at`;
const WRITE_ANEW = `with former as (delete from last_writes where writer = $4) ${WRITE}`;

/** A statement with its parameters. */
interface Query {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What identifies a transaction in the table. */
export interface NumberedWrite {
  readonly writer: string;
  readonly number: number;
}

/** The statements about the last write of this process. */
export class LastWrites {
  #writer = randomUUID();
  #number = 0;
  /** The writer of the row before, until a transaction that deletes the row is committed. */
  #former: string | undefined;

  /** Whether a row of this process may exist. */
  get isUsed(): boolean {
    return this.#number > 0;
  }

  /** Numbers the open transaction; the statement belongs to it. */
  next(): Query & { readonly written: NumberedWrite } {
    // Another row begins only once the former row is deleted, so no row is left behind.
    if (this.#number >= ROW_UPDATES_MAX && this.#former === undefined) {
      this.#former = this.#writer;
      this.#writer = randomUUID();
      this.#number = 0;
    }
    const written = { writer: this.#writer, number: ++this.#number };
    const parameters = [written.writer, written.number, new Date().toISOString()];
    return this.#former === undefined
      ? { sql: WRITE, parameters, written }
      : { sql: WRITE_ANEW, parameters: [...parameters, this.#former], written };
  }

  /** A transaction with a number was committed. */
  committed(): void {
    this.#former = undefined;
  }

  /** Reads the `number` of the last committed transaction of the writer. */
  last({ writer }: NumberedWrite): Query {
    return { sql: "select number from last_writes where writer = $1", parameters: [writer] };
  }

  forgetOwn(): Query {
    const writers = this.#former === undefined ? [this.#writer] : [this.#writer, this.#former];
    return { sql: "delete from last_writes where writer = any($1::text[])", parameters: [writers] };
  }

  forgetEnded(): Query {
    const before = new Date(Date.now() - KEPT_MS).toISOString();
    return { sql: "delete from last_writes where written_at < $1", parameters: [before] };
  }
}
