import { DatabaseSync, type StatementSync } from "node:sqlite";
import { BlobError } from "../blobs/blob_error.ts";
import { type Contents, pathOfContent, verifiedContent } from "../contents.ts";

/** Paths of contents with their sizes, in a temporary file: a backup may have millions. Disposing it closes the file. */
export class ContentIndex implements Disposable {
  readonly #db: DatabaseSync;
  readonly #add: StatementSync;
  readonly #size: StatementSync;

  /** @param file a new file */
  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; " +
        "CREATE TABLE contents (path TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID; BEGIN",
    );
    this.#add = this.#db.prepare("INSERT OR IGNORE INTO contents (path, size) VALUES (?, ?)");
    this.#size = this.#db.prepare("SELECT size FROM contents WHERE path = ?");
  }

  /** @param size in bytes; null if it is not known */
  add(path: string, size: number | null): void {
    this.#add.run(path, size);
  }

  has(path: string): boolean {
    return this.#size.get(path) !== undefined;
  }

  /** The contents, whose bytes were read and have their digests. */
  get contents(): Contents {
    return {
      open: (ref) => {
        const row = this.#size.get(pathOfContent(ref));
        return row === undefined
          ? Promise.reject(new BlobError(ref.kind, ref.digest, "is missing"))
          : verifiedContent(ref, Number(row["size"]));
      },
    };
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
