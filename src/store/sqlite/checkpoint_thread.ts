/** A thread with its own connection that runs a checkpoint per request, and replies with the length of the log. */
import { DatabaseSync } from "node:sqlite";
import { serveRequests } from "./serve_requests.ts";

serveRequests((file: string) => {
  const db = new DatabaseSync(file);
  // Syncs the log before a checkpoint, and the database before the log restarts.
  db.exec("PRAGMA synchronous = NORMAL");
  const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  return {
    handle: () => ({ reply: Number(checkpoint.get()?.log) }),
    close: () => db.close(),
  };
});
