/**
 * Keeps all contents from deletion while one reader, such as a backup, reads what a snapshot of the database references.
 * Deletions share the lock with each other; a reader holds the lock alone.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Kysely } from "kysely";
import { deletionLockQuery } from "./postgres/locks.ts";
import type { Schema } from "./schema.ts";
import { sql } from "kysely";

/** The file of the lock in a data directory. */
const FILE = "contents.lock";
/** How often a reader tries to take the lock that another process holds. */
const RETRY_MS = 100;

/** The lock as deletions see it. */
export interface ContentLock {
  /**
   * Runs a deletion of contents. While a reader holds the lock, nothing is deleted.
   * @returns `held` if a reader holds the lock
   */
  deleting<T>(deletion: () => Promise<T>, held: T): Promise<T>;
}

/** The lock for contents in a data directory: of its file, so the lock ends with the process that holds it. */
export function fileContentLock(dataDir: string): ContentLock {
  return {
    async deleting(deletion, held) {
      using file = await openFile(dataDir);
      return await file.tryLock(false) ? await deletion() : held;
    },
  };
}

/** The lock for contents that nodes share: of PostgreSQL, so the lock ends with the connection that holds it. */
export function databaseContentLock(db: Kysely<Schema>): ContentLock {
  return {
    deleting: (deletion, held) =>
      db.connection().execute(async (connection) => {
        const query = (verb: "try" | "unlock") =>
          sql<{ locked: boolean }>`${sql.raw(deletionLockQuery(verb))}`.execute(connection);
        const { rows: [taken] } = await query("try");
        if (taken?.locked !== true) return held;
        try {
          return await deletion();
        } finally {
          await query("unlock");
        }
      }),
  };
}

/**
 * Takes the lock of a data directory alone, until disposal. Waits for deletions and for another reader.
 * @param onWait called once if another process holds the lock
 */
export async function holdContents(dataDir: string, onWait: () => void): Promise<Disposable> {
  const file = await openFile(dataDir);
  try {
    for (let isFirst = true; !await file.tryLock(true); isFirst = false) {
      if (isFirst) onWait();
      await delay(RETRY_MS);
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function openFile(dataDir: string): Promise<Deno.FsFile> {
  return Deno.open(join(dataDir, FILE), { create: true, write: true, mode: 0o600 });
}
