/** Chooses the rows to which a process adds usage. */

/**
 * Updates of one row before a process begins another row. PostgreSQL keeps every version of a row while a transaction is
 * open that began before the version, such as that of a long backup, and each update reads all these versions.
 */
export const ROW_UPDATES_MAX = 2_000;
/** Rows whose additions are counted. */
const ROWS_MAX = 10_000;
/** The first row of a process that writes alone, which each start of the server adds to. */
const ONLY_WRITER = 0;
/** Other numbers are random, from 1. */
const WRITERS_MAX = 2 ** 31 - 1;

/** The day, the function and the principal of usage. */
type UsageKey = readonly [day: string, functionId: string, principalId: string];

/**
 * Numbers the rows of a process: with random numbers, nodes add to rows of their own, so they do not wait for each other.
 * Two nodes with the same number would share a row, which remains exact.
 */
export class UsageRows {
  readonly #first: number;
  readonly #rows = new Map<string, { readonly writer: number; additions: number }>();

  /** @param isShared whether several processes write to the database */
  constructor(isShared: boolean) {
    this.#first = isShared ? randomWriter() : ONLY_WRITER;
  }

  /** The number of the row for an addition. */
  writerFor(key: UsageKey): number {
    const name = key.join(" ");
    let row = this.#rows.get(name);
    if (row === undefined || row.additions >= ROW_UPDATES_MAX) {
      // Rows of earlier days are not added to any more. Other rows are then counted anew.
      if (this.#rows.size >= ROWS_MAX) this.#rows.clear();
      row = { writer: row === undefined ? this.#first : randomWriter(), additions: 0 };
      this.#rows.set(name, row);
    }
    row.additions++;
    return row.writer;
  }
}

function randomWriter(): number {
  return 1 + Math.floor(Math.random() * WRITERS_MAX);
}
