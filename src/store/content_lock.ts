/**
 * Keeps all contents from deletion while readers, such as a backup and a verification, read what a snapshot of the
 * database references. Readers share the lock with each other; a deletion holds the lock alone, and
 * deletions wait for each other before they try it, so that only a reader makes one fail.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Sema } from "async-sema";
import { type Kysely, sql } from "kysely";
import { lockQuery, tryLockQuery } from "./postgres/locks.ts";
import type { Schema } from "./schema.ts";

/** The file of the lock in a data directory. */
const FILE = "contents.lock";
/** How often a reader tries to take the lock that a deletion holds. */
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
  // The directory has one server.
  const turn = new Sema(1);
  return {
    deleting: (deletion, held) =>
      inTurn(turn, async () => {
        using file = await openFile(dataDir);
        return await file.tryLock(true) ? await deletion() : held;
      }),
  };
}

/** The lock for contents that nodes share: of PostgreSQL, so the lock ends with the connection that holds it. */
export function databaseContentLock(db: Kysely<Schema>): ContentLock {
  // Within this node, so that a deletion that waits needs no connection.
  const turn = new Sema(1);
  return {
    deleting: (deletion, held) =>
      inTurn(turn, () =>
        db.connection().execute(async (connection) => {
          const run = (query: string) =>
            sql<{ locked: boolean }>`${sql.raw(query)}`.execute(connection);
          await run(lockQuery("lock", "deletions"));
          try {
            const { rows: [taken] } = await run(tryLockQuery("contents", "exclusive"));
            if (taken?.locked !== true) return held;
            try {
              return await deletion();
            } finally {
              await run(lockQuery("unlock", "contents"));
            }
          } finally {
            await run(lockQuery("unlock", "deletions"));
          }
        })),
  };
}

async function inTurn<T>(turn: Sema, work: () => Promise<T>): Promise<T> {
  await turn.acquire();
  try {
    return await work();
  } finally {
    turn.release();
  }
}

/**
 * Keeps the contents of a data directory from deletion until disposal. Waits for a deletion under way.
 * @param onWait called once if a deletion holds the lock
 */
export async function holdContents(dataDir: string, onWait: () => void): Promise<Disposable> {
  const file = await openFile(dataDir);
  try {
    for (let isFirst = true; !await file.tryLock(false); isFirst = false) {
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
