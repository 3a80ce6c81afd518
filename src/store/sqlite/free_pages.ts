/** Gives pages that deletions have freed back to the file system, in small steps. */
import type { SqliteDatabase } from "kysely";

/** How a database gives pages back: each new one does so in steps; an earlier one after `invoked db compact`. */
export const RECLAIMING = "auto_vacuum = INCREMENTAL";
const INCREMENTAL = 2;

/** Free pages of 4 KiB that stay in the file for the next writes. */
const KEPT_PAGES = 256;
/** Pages of one step: it moves as many at most, and writes them to the log. */
const PAGES_PER_STEP = 128;

/** Gives some free pages back. @returns the free pages that later steps will give back; 0 for a database that keeps them */
export function reclaimPages(db: SqliteDatabase): number {
  if (numberOf(db, "auto_vacuum") !== INCREMENTAL) return 0;
  const free = numberOf(db, "freelist_count") - KEPT_PAGES;
  if (free <= 0) return 0;
  db.prepare(`PRAGMA incremental_vacuum(${Math.min(free, PAGES_PER_STEP)})`).all([]);
  return Math.max(0, free - PAGES_PER_STEP);
}

function numberOf(db: SqliteDatabase, pragma: string): number {
  const [row] = db.prepare(`PRAGMA ${pragma}`).all([]);
  return Number(Object.values(row as Record<string, unknown>)[0]);
}
