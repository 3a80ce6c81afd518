/** A thread with a connection of its own, which moves what was committed from the log to the database when it is asked. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { type CheckpointReply, CLOSE } from "./checkpointer.ts";

const db = new DatabaseSync(workerData as string);
// Syncs the log before it moves anything, and the database before the log is begun anew.
db.exec("PRAGMA synchronous = NORMAL");
const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");

parentPort?.on("message", (message: unknown) => {
  if (message === CLOSE) {
    db.close();
    parentPort?.postMessage(CLOSE);
  } else {
    parentPort?.postMessage(attempt());
  }
});

function attempt(): CheckpointReply {
  try {
    return { frames: Number(checkpoint.get()?.log) };
  } catch (error) {
    return { error: String(error) };
  }
}
