/** A thread with its own connection that runs a checkpoint per request, and replies with the length of the log. */
import { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { serveRequests } from "./serve_requests.ts";

const db = new DatabaseSync(workerData as string);
// Syncs the log before a checkpoint, and the database before the log restarts.
db.exec("PRAGMA synchronous = NORMAL");
const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");

serveRequests(() => ({ reply: Number(checkpoint.get()?.log) }), () => db.close());
