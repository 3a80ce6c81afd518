/**
 * The number of the last transaction that a process has committed, which the transaction itself writes. When a commit gets
 * no answer, the row says whether it happened. An id of a transaction could not say so after a failover: the new primary
 * may give the same id to another transaction.
 */
import { randomUUID } from "node:crypto";

/** How long the row of a process that was killed is kept: longer than a commit stays in doubt. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

const WRITE = `insert into last_writes (writer, number, written_at) values ($1, $2, $3)
  on conflict (writer) do update set number = excluded.number, written_at = excluded.written_at`;

/** A statement with its parameters. */
interface Query {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** The statements about the last write of this process. */
export class LastWrites {
  readonly #writer = randomUUID();
  #number = 0;

  /** Whether the row of this process may exist. */
  get isUsed(): boolean {
    return this.#number > 0;
  }

  /** Numbers the open transaction; the statement belongs to it. */
  next(): Query & { readonly number: number } {
    const number = ++this.#number;
    return { sql: WRITE, parameters: [this.#writer, number, new Date().toISOString()], number };
  }

  /** Reads the `number` of the last committed transaction of this process. */
  last(): Query {
    return {
      sql: "select number from last_writes where writer = $1",
      parameters: [this.#writer],
    };
  }

  forgetOwn(): Query {
    return { sql: "delete from last_writes where writer = $1", parameters: [this.#writer] };
  }

  forgetEnded(): Query {
    const before = new Date(Date.now() - KEPT_MS).toISOString();
    return { sql: "delete from last_writes where written_at < $1", parameters: [before] };
  }
}
