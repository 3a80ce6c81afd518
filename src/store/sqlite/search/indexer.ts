import type { Statements } from "../statements.ts";
import { idsOf, numberOf } from "./index_file.ts";

/** Limits of a pass, in rows and in UTF-16 units of their texts, so that a search waits for a moment only. */
const ROWS_PER_PASS_MAX = 500;
const UNITS_PER_PASS_MAX = 1024 * 1024;

/** What a pass has done. */
export interface PassResult {
  /** Whether there is more to do. */
  readonly more: boolean;
  /** The queue is indexed up to this entry, durably. */
  readonly sequence: number;
}

/** What the index has. */
interface Progress {
  /** The history up to this invocation; null for all of it. */
  readonly filledTo: string | null;
  /** The queue up to this entry, and its invocation. */
  readonly sequence: number;
  readonly id: string;
}

/** Fills the index from the database, in passes. After a crash it continues where its last pass was committed. */
export class Indexer {
  constructor(private readonly database: Statements, private readonly index: Statements) {}

  get progress(): Progress {
    const progress = this.index.first<Progress>(
      "SELECT filled_to AS filledTo, sequence, id FROM progress",
    );
    if (progress === undefined) throw new Error("The index of searches has no progress");
    return progress;
  }

  /** Indexes what has ended, and erases what was purged, up to the limits of a pass. */
  pass(): PassResult {
    return this.database.transaction(() => {
      const { progress } = this;
      const batch = new Batch(this.database);
      const queue = this.database.all<{ readonly sequence: number; readonly id: string }>(
        "SELECT sequence, id FROM unindexed_invocations WHERE sequence > ? ORDER BY sequence LIMIT ?",
        progress.sequence,
        ROWS_PER_PASS_MAX,
      );
      const entry = batch.take(queue) ?? progress;
      const filledTo = progress.filledTo === null ? null : this.#fill(batch, progress.filledTo);
      this.index.transaction(() => {
        for (const [number, text] of batch.inOrder()) {
          if (text === null) this.index.run("DELETE FROM trigrams WHERE rowid = ?", number);
          else {
            this.index.run(
              "INSERT OR REPLACE INTO trigrams (rowid, text) VALUES (?, ?)",
              number,
              text,
            );
          }
        }
        this.index.run(
          "UPDATE progress SET filled_to = ?, sequence = ?, id = ?",
          filledTo,
          entry.sequence,
          entry.id,
        );
      });
      return { more: batch.isFull || filledTo !== null, sequence: entry.sequence };
    });
  }

  /** Takes the invocations after this one. Returns the last of them, null if none follows. */
  #fill(batch: Batch, filledTo: string): string | null {
    const rows = this.database.all<{ readonly id: string }>(
      "SELECT id FROM invocations WHERE id > ? ORDER BY id LIMIT ?",
      filledTo,
      ROWS_PER_PASS_MAX,
    );
    return rows.length === 0 ? null : batch.take(rows)?.id ?? filledTo;
  }
}

/** The documents of a pass, each with its text now; null for one whose invocations are all purged. */
class Batch {
  readonly #documents = new Map<number, string | null>();
  #rows = 0;
  #units = 0;

  constructor(private readonly database: Statements) {}

  get isFull(): boolean {
    return this.#rows >= ROWS_PER_PASS_MAX || this.#units >= UNITS_PER_PASS_MAX;
  }

  /** Takes the first of these rows, until the batch is full. Returns the last that was taken. */
  take<Row extends { readonly id: string }>(rows: readonly Row[]): Row | undefined {
    let last: Row | undefined;
    for (const row of rows) {
      if (this.isFull) break;
      this.#rows++;
      last = row;
      const number = numberOf(row.id);
      if (this.#documents.has(number)) continue;
      const text = this.#textOf(number);
      this.#documents.set(number, text);
      this.#units += text?.length ?? 0;
    }
    return last;
  }

  /** By number: FTS5 ends a segment where a document has a lower number than the one before. */
  inOrder(): readonly (readonly [number, string | null])[] {
    return [...this.#documents].sort(([a], [b]) => a - b);
  }

  /** The texts of the invocations of a document. The log lines of one are committed with its end, or before. */
  #textOf(number: number): string | null {
    return this.database.first<{ readonly text: string | null }>(
      `SELECT group_concat(concat_ws(char(10), error, input, output, (
          SELECT group_concat(message, char(10)) FROM invocation_logs WHERE invocation_id = i.id
        )), char(10)) AS text
        FROM invocations i WHERE id >= ? AND id <= ?`,
      ...idsOf(number),
    )?.text ?? null;
  }
}
