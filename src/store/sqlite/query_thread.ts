/** A thread with a read-only connection that runs one query per request. It hands over the bytes that it finds. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { workerData } from "node:worker_threads";
import type { Query, Row } from "./thread_dialect.ts";
import { serveRequests } from "./serve_requests.ts";

const db = new DatabaseSync(workerData as string, { readOnly: true });

serveRequests<Query, Row[]>(({ sql, parameters }) => {
  const reply = db.prepare(sql).all(...parameters as SQLInputValue[]);
  const transfer = reply.flatMap((row) => Object.values(row).flatMap(bufferOf));
  return { reply, transfer };
}, () => db.close());

function bufferOf(value: unknown): ArrayBuffer[] {
  return value instanceof Uint8Array && value.byteLength > 0 ? [value.buffer as ArrayBuffer] : [];
}
