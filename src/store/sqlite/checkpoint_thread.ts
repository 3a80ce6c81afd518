/** A thread with a connection of its own that runs a checkpoint per message. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { type CheckpointReply, CLOSE } from "./checkpointer.ts";

const db = new DatabaseSync(workerData as string);
// Syncs the log before a checkpoint, and the database before the log restarts.
db.exec("PRAGMA synchronous = NORMAL");
const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");

parentPort?.on("message", (message: unknown) => {
  if (message === CLOSE) {
    db.close();
    parentPort?.postMessage(CLOSE);
  } else {
    parentPort?.postMessage(runCheckpoint());
  }
});

function runCheckpoint(): CheckpointReply {
  try {
    return { frames: Number(checkpoint.get()?.log) };
  } catch (error) {
    const errcode = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
    return { error: error instanceof Error ? error.message : String(error), errcode };
  }
}
