/** Two nodes on one database: they append to one chain, and one of them exports at a time. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Audit } from "../../src/domain/audit/audit.ts";
import { AuditExporter } from "../../src/domain/audit/exporter.ts";
import { AuditExports } from "../../src/domain/audit/exports.ts";
import { ExportTargets } from "../../src/domain/audit/export_targets.ts";
import { AuditVerification } from "../../src/domain/audit/verify.ts";
import { Ids } from "../../src/domain/ids.ts";
import { Pages } from "../../src/domain/paging.ts";
import type { Scheduler } from "../../src/domain/scheduling/scheduler.ts";
import type { Store } from "../../src/store/mod.ts";
import { functionRow } from "../store/conformance/rows.ts";
import { atOnce } from "../support/at_once.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";

const COUNT = 100;

async function appendAll(store: Store, node: string): Promise<void> {
  const ids = new Ids();
  await using audit = new Audit(store, ids, NO_TELEMETRY);
  const actor = { id: node, displayName: node, clientId: node };
  const request = {
    mode: "changes",
    operation: "a.B.CreateFunction",
    activity: "create",
    actor,
    resources: [],
    source: {},
  } as const;
  const create = () =>
    audit.within(request, async () => {
      await store.write((tx) => tx.functions.insert(functionRow({ id: ids.next() })));
    });
  const signIn = () =>
    audit.record({ kind: "authentication", activity: "logon", user: { id: node, name: node } });
  await atOnce(COUNT, (n) => n % 2 === 0 ? create() : signIn());
}

Deno.test("events of two nodes form one chain, and one export has each once", async () => {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await TestPostgres.start());
  const url = await postgres.database();
  const open = async () => {
    const directory = opened.use(await makeTempDir());
    return opened.use(await openPostgresStore(directory.path, url, false));
  };
  const [first, second] = [await open(), await open()];
  await Promise.all([appendAll(first, "first"), appendAll(second, "second")]);
  const check = new AuditVerification(second);
  const { findings, events, head } = await check.run(undefined, new AbortController().signal);
  assert.deepEqual([findings, events, head.seq], [[], 2 * COUNT, 2 * COUNT]);
  const rows = await first.read.audit.after(0, 1_000);
  const actors = rows.map(({ actor }) => actor);
  for (const node of ["first", "second"]) {
    assert.equal(actors.filter((actor) => actor === node).length, COUNT);
  }

  const directory = opened.use(await makeTempDir());
  const targets = new ExportTargets(directory.path, () => Promise.reject(new Error("no URL")));
  const scheduler = { wake() {} } as Scheduler;
  const shutdown = new AbortController().signal;
  const exporters = [first, second].map((store) =>
    new AuditExporter({ store, targets, scheduler, shutdown })
  );
  const pages = new Pages(new Uint8Array(32));
  const exports = new AuditExports(first, targets, pages, new Ids(), { look() {} });
  const target = { datasourceId: "log", prefix: "", format: "none" } as const;
  const { row: { id } } = await exports.create({ displayName: "log", target });
  await eventually(async () => {
    await Promise.all(exporters.map((exporter) => exporter.runDue(new Date())));
    return (await exports.get(id)).state === "WAITING" || undefined;
  });
  const lines = (await Deno.readTextFile(join(directory.path, "log"))).trimEnd().split("\n");
  assert.deepEqual(lines, rows.map(({ event }) => event));
});
