import { DatabaseSync } from "node:sqlite";
import { syncPath } from "../../shared/files.ts";
import { PAUSE_ID } from "../pauses.ts";

/** Tables of processes that run beside the original. */
const OF_PROCESSES = ["nodes", "leases", "held_snapshots"];

/**
 * Pauses the server of a restored database, before any server has it: the original may still live. The copy forgets the
 * processes of the original.
 * @param backupAt when the backup was taken
 */
export async function pauseRestored(file: string, backupAt: string): Promise<void> {
  {
    using db = new DatabaseSync(file);
    db.exec("BEGIN");
    for (const table of OF_PROCESSES) db.exec(`DELETE FROM ${table}`);
    db.prepare("INSERT OR REPLACE INTO pauses (id, since, backup_at) VALUES (?, ?, ?)")
      .run(PAUSE_ID, new Date().toISOString(), backupAt);
    db.exec("COMMIT");
  }
  await syncPath(file);
}
