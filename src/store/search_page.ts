/** What both databases count while they read the rows of a search. */
import type { FoundPage, FoundRow } from "./dialect.ts";

/**
 * Limits of one page, in rows and in bytes of their texts that are read for it. A page that reaches one ends early, with
 * fewer rows or none, and the next page continues there.
 */
export const ROWS_PER_PAGE_MAX = 10_000;
const BYTES_PER_PAGE_MAX = 64 * 1024 * 1024;

/** Shortest text, in characters, that an index of trigrams finds. */
export const TRIGRAM_CHARS = 3;

/** Sorts after every id. */
export const AFTER_ALL_IDS = "~";

/** A row that `RowFilter` selects. */
export interface SearchedRow {
  readonly id: string;
  readonly content_bytes: number;
  readonly log_bytes: number;
  readonly is_match: number | null;
}

/** The rows that were read for a page, newest first, and those of them that were found. */
export class SearchPage {
  readonly rows: FoundRow[] = [];
  #visited = 0;
  #bytes = 0;
  #last: string | undefined;

  constructor(private readonly limit: number) {}

  add({ id, content_bytes: contentBytes, log_bytes: logBytes, is_match }: SearchedRow): void {
    this.#visited++;
    this.#bytes += contentBytes + logBytes;
    this.#last = id;
    if (is_match === 1) this.rows.push({ id, contentBytes });
  }

  get isFull(): boolean {
    return this.rows.length >= this.limit || this.#visited >= ROWS_PER_PAGE_MAX ||
      this.#bytes >= BYTES_PER_PAGE_MAX;
  }

  get visited(): number {
    return this.#visited;
  }

  /** The row that was read last. */
  get last(): string | undefined {
    return this.#last;
  }

  /** @param isComplete whether all rows were read */
  end(isComplete: boolean): FoundPage {
    return {
      rows: this.rows,
      next: isComplete ? undefined : this.#last,
      visited: this.#visited,
    };
  }
}
