/** A thread with a read-only connection that runs one query per request. It hands over the bytes that it finds. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Query, Row } from "./thread_dialect.ts";
import { serveRequests } from "./serve_requests.ts";

serveRequests<string, Query, Row[]>((file) => {
  const db = new DatabaseSync(file, { readOnly: true });
  return {
    handle({ sql, parameters }) {
      const reply = db.prepare(sql).all(...parameters as SQLInputValue[]);
      const transfer = reply.flatMap((row) => Object.values(row).flatMap(bufferOf));
      return { reply, transfer };
    },
    close: () => db.close(),
  };
});

function bufferOf(value: unknown): ArrayBuffer[] {
  return value instanceof Uint8Array && value.byteLength > 0 ? [value.buffer as ArrayBuffer] : [];
}
