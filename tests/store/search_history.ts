/** Invocations in the database of a stopped server, and what its search index knows of them. */
import KSUID from "ksuid";
import { DatabaseSync } from "node:sqlite";
import type { RowFilter } from "../../src/store/dialect.ts";
import { openStore } from "../../src/store/mod.ts";
import { FORGET } from "../../src/store/sqlite/search/index_file.ts";
import { TextIndex } from "../../src/store/sqlite/search/text_index.ts";
import { makeTempDir } from "../support/invoked.ts";

/** What a test says about an invocation. */
export interface Row {
  readonly id: string;
  readonly functionId: string;
  readonly status: string;
  readonly input: string;
  readonly output: string | null;
  readonly error: string | null;
  readonly log?: readonly string[];
}

/** A data directory whose server is stopped. */
export class History implements AsyncDisposable {
  static async make(): Promise<History> {
    const directory = await makeTempDir();
    await using _store = await openStore(directory.path);
    const history = new History(directory);
    history.change((db) => {
      const insert = db.prepare(
        `INSERT INTO functions (id, display_name, description, function_type, is_draft, outbound_network_allowlist,
          provisioned_concurrency, scoped_role_ids, created_at, updated_at) VALUES (?, '', '', '', 0, '[]', 0, '[]', '', '')`,
      );
      for (const id of FUNCTIONS) insert.run(id);
    });
    return history;
  }

  private constructor(private readonly directory: AsyncDisposable & { readonly path: string }) {}

  get path(): string {
    return this.directory.path;
  }

  get files() {
    const database = `${this.path}/invoked.db`;
    return { database, index: `${this.path}/cache/search/index.db` };
  }

  /** Runs statements on the database. */
  change(work: (db: DatabaseSync) => void): void {
    using db = new DatabaseSync(this.files.database);
    db.exec("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN");
    work(db);
    db.exec("COMMIT");
  }

  insert(rows: Iterable<Row>): void {
    this.change((db) => {
      const insert = db.prepare(
        `INSERT INTO invocations (id, function_id, commit_id, principal_id, mode, status, input, output, error,
          created_at, updated_at) VALUES (?, ?, 'c', 'p', 'sync', ?, ?, ?, ?, ?, ?)`,
      );
      const insertLine = db.prepare(
        `INSERT INTO invocation_logs (invocation_id, sequence, time, level, source, message)
          VALUES (?, ?, '', 'INFO', 'console', ?)`,
      );
      for (const { id, functionId, status, input, output, error, log = [] } of rows) {
        const time = KSUID.parse(id).date.toISOString();
        insert.run(id, functionId, status, input, output, error, time, time);
        for (const [at, line] of log.entries()) insertLine.run(id, at + 1, line);
      }
    });
  }

  /** Indexes everything, as the thread does. */
  index(): void {
    for (let more = true; more;) {
      const pass = this.#pass();
      this.change((db) => db.prepare(FORGET).run(pass.sequence));
      more = pass.more;
    }
  }

  #pass() {
    using texts = new TextIndex(this.files);
    return texts.pass();
  }

  /** Numbers of the documents with these trigrams in the index. */
  numbers(match: string): unknown[] {
    using index = new DatabaseSync(this.files.index, { readOnly: true });
    const documents = index.prepare("SELECT rowid AS number FROM trigrams WHERE trigrams MATCH ?");
    return documents.all(match).map(({ number }) => number);
  }

  documents(match: string): number {
    return this.numbers(match).length;
  }

  /** How many rows a search for the text reads for its first page, and how many it finds. */
  visit(
    text: string,
    range: RowFilter["range"] = { from: undefined, before: undefined },
  ): { readonly visited: number; readonly found: number; readonly ended: boolean } {
    using texts = new TextIndex(this.files);
    const { rows, visited, next } = texts.find({
      sql:
        `SELECT id, octet_length(input) AS content_bytes, 0 AS log_bytes, input LIKE ? AS is_match FROM invocations`,
      parameters: [`%${text}%`],
      text,
      range,
      limit: 26,
    });
    return { visited, found: rows.length, ended: next === undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}

/** Functions that have invocations. */
const FUNCTIONS = ["f", "f0", "f1"];
/** The time of the second 0. */
export const BEGIN_MS = Date.parse("2026-01-01T00:00:00Z");

/** An id of this second; ids of one number sort by it. */
export function idOf(second: number, number: number): string {
  const payload = Buffer.alloc(16);
  payload.writeUInt32BE(number);
  return KSUID.fromParts(BEGIN_MS + second * 1000, payload).string;
}

/** An invocation of this second. */
export function row(second: number, number: number, change: Partial<Row> = {}): Row {
  const rest = { functionId: "f", status: "SUCCESS", output: "{}", error: null };
  return { id: idOf(second, number), input: `{"number":${number}}`, ...rest, ...change };
}
