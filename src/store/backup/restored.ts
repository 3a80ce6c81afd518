import { DatabaseSync } from "node:sqlite";
import { syncPath } from "../../shared/files.ts";
import { PAUSE_ID } from "../pauses.ts";
import { VERIFICATION_ID } from "../verifications.ts";

/** Tables of processes that run beside the original, and of the object store that they use. */
const OF_ORIGINAL = ["nodes", "leases", "held_snapshots", "last_writes", "object_stores"];

/** The key of the object store. Without the store, the key would say that contents are in there. */
const OBJECTS_KEY = "purpose = 'objects'";

/** What a restore has done with a backup. */
interface Restored {
  /** When the backup was taken. */
  readonly backupAt: string;
  /** When the verification of the copy began. */
  readonly verifiedFrom: string;
  /** What the verification found, in words: damages that the operator has accepted. */
  readonly damages: readonly string[];
  /** Whether contents go into an object store. */
  readonly hasObjects: boolean;
}

/**
 * Prepares a restored database before any server has it. The server will be paused, because the original may still run.
 * The copy forgets the processes of the original, and its last verification is that of the restore.
 */
export async function prepareRestored(
  file: string,
  { backupAt, verifiedFrom, damages, hasObjects }: Restored,
): Promise<void> {
  {
    using db = new DatabaseSync(file);
    db.exec("BEGIN");
    for (const table of OF_ORIGINAL) db.exec(`DELETE FROM ${table}`);
    if (!hasObjects) db.exec(`DELETE FROM server_keys WHERE ${OBJECTS_KEY}`);
    const now = new Date().toISOString();
    db.prepare("INSERT OR REPLACE INTO pauses (id, since, backup_at) VALUES (?, ?, ?)")
      .run(PAUSE_ID, now, backupAt);
    db.prepare(
      "INSERT OR REPLACE INTO verifications (id, began_at, ended_at, damages) VALUES (?, ?, ?, ?)",
    ).run(VERIFICATION_ID, verifiedFrom, now, JSON.stringify(damages));
    db.exec("COMMIT");
  }
  await syncPath(file);
}
