/** The end of events: what retention erases, and what stays verifiable; a long log. */
import assert from "node:assert/strict";
import { AuditVerification } from "../../src/domain/audit/verify.ts";
import { AUDIT_LOCK, type AuditEntry } from "../../src/store/audit.ts";
import { openStore } from "../../src/store/mod.ts";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { events, lastUid, verification } from "./support.ts";

const isErasure = ({ api }: Json) => api?.operation === "invoked.AuditService.EraseUnexported";

Deno.test("old events go from the oldest end, and the chain stays verifiable", async () => {
  await using server = await TestServer.start();
  const client = await server.client();
  for (let n = 0; n < 5; n++) await client.createFunction(`old ${n}`);
  const { head: noted } = await verification(client);
  const body = { displayName: "Failing", datasource: { datasourceId: "http://127.0.0.1:9/x" } };
  const { exporter: { exportId } } = ok(await client.post("/api/v1/systemlog/exports", body));
  await server.stop();

  const dataDir = server.dataDir;
  await using again = await TestServer.start({ dataDir, flags: ["--audit-retention", "1s"] });
  const reader = new Client(again.url, client.token);
  // An export that always fails keeps no event for ever.
  const kept = await eventually(async () => {
    const list = await events(reader);
    const isKept = list.some(({ metadata }: Json) => metadata.uid === noted.eventUid);
    return isKept || !list.some(isErasure) ? undefined : list;
  });
  const erasure = kept.find(isErasure);
  assert.equal(erasure.resources[0].uid, exportId);
  assert.ok(erasure.unmapped.last_sequence >= erasure.unmapped.first_sequence);
  ok(await reader.call("DELETE", `/api/v1/systemlog/exports/${exportId}`));
  const { findings, erasedUpTo } = await verification(reader);
  assert.deepEqual(findings, []);
  assert.ok(Number(erasedUpTo) >= Number(noted.sequence));
  await reader.createFunction("new");
  assert.deepEqual((await verification(reader)).findings, []);
  assert.notEqual(await lastUid(reader), noted.eventUid);
  await again.stop();
});

Deno.test("a long log is verified in parts, while other work goes on", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const COUNT = 20_000;
  const entry = (number: number): AuditEntry => {
    const uid = String(number).padStart(27, "0");
    const time = new Date(1_790_000_000_000 + number);
    return {
      uid,
      time: time.toISOString(),
      classUid: 6003,
      actor: "p",
      actorName: "Ada",
      operation: "a.B",
      event: {
        class_uid: 6003,
        time: time.getTime(),
        metadata: { uid },
        api: { operation: "a.B" },
        actor: { user: { uid: "p", name: "Ada" } },
      },
    };
  };
  const append = (from: number) =>
    store.writeLocked([AUDIT_LOCK], async (tx) => {
      for (let n = from; n < from + 1_000; n++) await tx.audit.append(entry(n));
    });
  for (let from = 0; from < COUNT; from += 1_000) await append(from);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const check = new AuditVerification(store);
  const { findings, events } = await check.run(undefined, new AbortController().signal);
  clearInterval(timer);
  assert.deepEqual([findings, events], [[], COUNT]);
  assert.ok(turns >= 20, `${turns} turns of the event loop`);
  const stopped = new AbortController();
  stopped.abort(new Error("gone"));
  await assert.rejects(check.run(undefined, stopped.signal), /gone/);
});
