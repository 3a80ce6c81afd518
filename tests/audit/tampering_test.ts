/** What the check of the chain finds once somebody has changed the database of a stopped server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AuditVerification } from "../../src/domain/audit/verify.ts";
import { chainHash } from "../../src/store/audit.ts";
import { openStore } from "../../src/store/mod.ts";
import { Client } from "../support/client.ts";
import { TestServer } from "../support/server.ts";
import { events, verification } from "./support.ts";

interface Row {
  readonly seq: number;
  readonly uid: string;
  readonly event: string;
  readonly hash: string;
}

/** Changes a database; answers the events that the check must name. */
type Tampering = (db: DatabaseSync, rows: readonly Row[]) => readonly (readonly [string, Row])[];

function at(rows: readonly Row[], index: number): Row {
  const row = rows.at(index);
  if (row === undefined) throw new RangeError(`No row ${index}`);
  return row;
}

const COLUMNS = "uid, time, class_uid, actor, actor_name, operation, verb";

/** Puts a row with a hash that covers the row before. */
function insert(db: DatabaseSync, seq: number, like: Row, before: Row): Row {
  const uid = "Z".repeat(27);
  const event = JSON.parse(like.event);
  event.metadata = { ...event.metadata, uid, sequence: seq };
  event.unmapped = { ...event.unmapped, previous_event_uid: before.uid };
  const text = JSON.stringify(event);
  const hash = chainHash(before.hash, text);
  db.prepare(`insert into audit_events (seq, ${COLUMNS}, event, hash)
    select ?, ?, ${COLUMNS.slice("uid, ".length)}, ?, ? from audit_events where seq = ?`)
    .run(seq, uid, text, hash, like.seq);
  return { seq, uid, event: text, hash };
}

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  "a changed event"(db, rows) {
    const row = at(rows, 5);
    db.prepare(
      "update audit_events set event = replace(event, 'CreateFunction', 'GetFunction') where seq = ?",
    )
      .run(row.seq);
    return [["changed", row]];
  },
  "a changed event with a hash of its own"(db, rows) {
    const row = at(rows, 5);
    const event = row.event.replace("CreateFunction", "GetFunction");
    db.prepare("update audit_events set event = ?, operation = ?, verb = ?, hash = ? where seq = ?")
      .run(
        event,
        JSON.parse(event).api.operation,
        "GetFunction",
        chainHash(at(rows, 4).hash, event),
        row.seq,
      );
    // The event after it no longer follows from what was before.
    return [["changed", at(rows, 6)]];
  },
  "a changed column, by which events are found"(db, rows) {
    const row = at(rows, 5);
    db.prepare("update audit_events set actor_name = 'Nobody' where seq = ?").run(row.seq);
    return [["changed", row]];
  },
  "a removed event"(db, rows) {
    db.prepare("delete from audit_events where seq = ?").run(at(rows, 5).seq);
    return [["missing", at(rows, 5)]];
  },
  "removed events at the end"(db, rows) {
    db.prepare("delete from audit_events where seq > ?").run(at(rows, -3).seq);
    return [["missing", at(rows, -1)]];
  },
  "reordered events"(db, rows) {
    const [first, second] = [at(rows, 5), at(rows, 6)];
    const move = db.prepare("update audit_events set seq = ? where seq = ?");
    for (const [to, from] of [[-1, first.seq], [first.seq, second.seq], [second.seq, -1]]) {
      move.run(to ?? 0, from ?? 0);
    }
    return [["reordered", second], ["reordered", first]];
  },
  "an inserted event"(db, rows) {
    const before = at(rows, 5);
    const move = "update audit_events set seq =";
    db.prepare(`${move} -(seq + 1) where seq > ?`).run(before.seq);
    db.exec(`${move} -seq where seq < 0`);
    return [["inserted", insert(db, before.seq + 1, before, before)]];
  },
  "an event behind the end"(db, rows) {
    const last = at(rows, -1);
    return [["inserted", insert(db, last.seq + 10, last, last)]];
  },
  "another end of the chain"(db, rows) {
    db.prepare("update audit_head set hash = ?").run("f".repeat(64));
    return [["changed", at(rows, -1)]];
  },
};

Deno.test("each way to change the log of a stopped server is found, and names the event", async (t) => {
  await using server = await TestServer.start();
  const client = await server.client();
  for (let n = 0; n < 12; n++) await client.createFunction(`f${n}`);
  const { head, findings } = await verification(client);
  assert.deepEqual(findings, []);
  const listed = await events(client);
  await server.stop();
  const path = join(server.dataDir, "invoked.db");
  const rows = inDatabase(
    path,
    (db) =>
      db.prepare("select seq, uid, event, hash from audit_events order by seq")
        .all() as unknown as Row[],
  );
  const before = await Deno.readFile(path);

  const check = async (noted?: string) => {
    await using store = await openStore(server.dataDir);
    return await new AuditVerification(store).run(noted, new AbortController().signal);
  };
  for (const [name, tamper] of Object.entries(TAMPERINGS)) {
    await t.step(name, async () => {
      await Deno.writeFile(path, before);
      const expected = inDatabase(path, (db) => tamper(db, rows));
      const { findings } = await check();
      assert.deepEqual(
        findings.map(({ kind, eventUid }) => [kind, eventUid]),
        expected.map(([kind, { uid }]) => [kind, uid]),
        JSON.stringify(findings),
      );
    });
  }

  await t.step("a cut chain, whose head was moved, against a noted head", async () => {
    await Deno.writeFile(path, before);
    const kept = at(rows, -4);
    inDatabase(path, (db) => {
      db.prepare("delete from audit_events where seq > ?").run(kept.seq);
      db.prepare("update audit_head set seq = ?, uid = ?, hash = ?")
        .run(kept.seq, kept.uid, kept.hash);
    });
    assert.deepEqual((await check()).findings, [], "without the noted head");
    const { findings: [cut] } = await check(head.hash);
    assert.equal(cut?.kind, "cut");
  });

  await t.step("the untouched log, event by event as it was listed", async () => {
    await Deno.writeFile(path, before);
    const verified = await check(head.hash);
    const { seq, uid, hash } = verified.head;
    assert.deepEqual(verified.findings, []);
    assert.deepEqual({ sequence: String(seq), eventUid: uid, hash }, head);
    assert.deepEqual(rows.map(({ event }) => JSON.parse(event)), listed);
  });

  await t.step("a server that starts on it names the event, too", async () => {
    const [[, row] = fail()] = inDatabase(
      path,
      (db) => TAMPERINGS["a removed event"]?.(db, rows) ?? [],
    );
    await using again = await TestServer.start({ dataDir: server.dataDir });
    const { findings: [found] } = await verification(new Client(again.url, client.token));
    assert.deepEqual([found.kind, found.eventUid], ["missing", row.uid]);
  });
});

function inDatabase<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function fail(): never {
  throw new RangeError("No event");
}
