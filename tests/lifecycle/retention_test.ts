/** What retention erases: shown before, erased at once on request, and given back to the file system. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import KSUID from "ksuid";
import { events } from "../audit/support.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { copy, makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import { filledOnce } from "../support/once.ts";
import { TestServer } from "../support/server.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const LARGE = "x".repeat(20_000);
/** No sweep comes between the steps of the test. */
const FLAGS = ["--retention", "30d", "--retention-sweep", "1d", "--audit-retention", "3650d"];
const PATH = "/api/v1/retention/purge";

function ago(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString();
}

/** Copies an invocation to others that ended that many days ago, each with a log. */
function giveInvocations(db: DatabaseSync, id: string, days: number, count: number): void {
  const columns = db.prepare("SELECT name FROM pragma_table_info('invocations')").all()
    .map(({ name }) => String(name))
    .filter((name) => !["id", "created_at", "updated_at", "input"].includes(name));
  const insert = db.prepare(
    `INSERT INTO invocations (id, created_at, updated_at, input, ${columns})
      SELECT ?, ?, ?, ?, ${columns} FROM invocations WHERE id = ?`,
  );
  const time = Date.now() - days * DAY_MS;
  for (let n = 0; n < count; n++) {
    const payload = Buffer.alloc(16);
    payload.writeUInt32BE(n, 12);
    const copy = KSUID.fromParts(time, payload).string;
    const at = new Date(time).toISOString();
    insert.run(copy, at, at, JSON.stringify(LARGE), id);
    db.prepare("INSERT INTO invocation_logs VALUES (?, 1, ?, 'info', 'console', 'line')")
      .run(copy, at);
  }
}

/** Proofs that were used, and volume versions; the first of each pair of times has passed. */
function giveRows(db: DatabaseSync, count: number): void {
  const used = db.prepare("INSERT INTO used_assertions VALUES (?, ?)");
  // More than one batch of the same kind, with different times.
  for (let n = 0; n < count; n++) {
    used.run(`old ${n}`, new Date(Date.now() - n - 1000).toISOString());
  }
  used.run("young", ago(-1));
  // Midnight may pass before the sweep.
  const usage = db.prepare("INSERT INTO usage VALUES (?, ?, 'p', 0, 1, 0, 1, 1, 1, 1, 0, 0)");
  for (let n = 0; n < OLD_USAGE; n++) usage.run(ago(USAGE_KEPT_DAYS + 2).slice(0, 10), `f${n}`);
  usage.run(ago(USAGE_KEPT_DAYS - 1).slice(0, 10), "f");
}

function counts(list: readonly Json[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { kind, count } of list) {
    if (Number(count) > 0) sum[kind] = (sum[kind] ?? 0) + Number(count);
  }
  return sum;
}

function rowsOf(dataDir: string): Record<string, number> {
  using db = new DatabaseSync(`${dataDir}/invoked.db`, { readOnly: true });
  return Object.fromEntries(
    ["invocations", "invocation_logs", "used_assertions", "volume_versions", "usage"].map((
      table,
    ) => [
      table,
      Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count),
    ]),
  );
}

const OLD = 400;
const FUNCTION_OLD = 7;
const YOUNG = 5;
const PROOFS = 1_203;
/** More than one step erases. */
const OLD_USAGE = 203;
/** The default of --usage-retention. */
const USAGE_KEPT_DAYS = 400;

/** Fills the directory of a server that stops with data that has expired, and data that has not. */
async function fillExpired(directory: string): Promise<void> {
  const dataDir = `${directory}/data`;
  await using server = await TestServer.start({ dataDir, flags: FLAGS });
  const client = await server.client();
  const id = await client.deploy("export default () => 1;");
  const own = await client.deploy("export default () => 2;");
  const settings = { function: { id: own, retention: "86400s" }, updateMask: "retention" };
  ok(await client.post("/api/v1/functions/update", settings));
  const first = ok(await client.invoke(id, {})).invocationId;
  const second = ok(await client.invoke(own, {})).invocationId;
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "history" }));
  const file = `/api/v1/vfs/volumes/${volume.id}/files/a.txt`;
  for (const text of ["one", "two", "three"]) await client.call("PUT", file, text);
  await server.stop();
  using db = new DatabaseSync(`${dataDir}/invoked.db`);
  db.exec("BEGIN");
  giveInvocations(db, first, 31, OLD);
  giveInvocations(db, first, 29, YOUNG);
  giveInvocations(db, second, 2, FUNCTION_OLD);
  giveRows(db, PROOFS);
  db.prepare("UPDATE volume_versions SET created_at = ? WHERE volume_id = ?")
    .run(ago(60), volume.id);
  db.exec("COMMIT");
  await Deno.writeTextFile(`${directory}/volume`, volume.id);
}

/** A copy of what {@link fillExpired} has made, for each test. @returns the id of its volume */
async function expiredDirectory(directory: string): Promise<string> {
  await copy(`${await filledOnce("expired", fillExpired)}/.`, directory);
  return await Deno.readTextFile(`${directory}/volume`);
}

Deno.test("what has expired is shown, erased and given back, and nothing younger", async () => {
  await using directory = await makeTempDir();
  const dataDir = `${directory.path}/data`;
  const volumeId = await expiredDirectory(directory.path);
  await using server = await TestServer.start({ dataDir, flags: FLAGS });
  const client = await server.client();
  const env = { INVOKED_DATA: dataDir };
  const cli = (...args: string[]) => runInvoked(["purge", "--expired", ...args], { env });
  const earlier = rowsOf(dataDir);
  const size = (await Deno.stat(`${dataDir}/invoked.db`)).size;

  const shown = JSON.parse((await cli("--dry-run", "--json")).stdout);
  const expected = counts(shown);
  assert.equal(expected.invocations, OLD + FUNCTION_OLD);
  assert.equal(expected.used_assertions, PROOFS);
  assert.equal(expected.usage, OLD_USAGE);
  assert.ok((expected.volume_versions ?? 0) >= 2, JSON.stringify(expected));
  const [ofServer, ofFunctions] = shown.filter(({ kind }: Json) => kind === "invocations");
  assert.deepEqual([ofServer.setting, ofServer.count], ["--retention", OLD]);
  assert.deepEqual([ofFunctions.count, ofFunctions.setting], [
    FUNCTION_OLD,
    "retention of functions",
  ]);
  assert.ok(ofServer.oldest <= ofServer.newest && ofServer.newest < ago(30));
  assert.deepEqual(rowsOf(dataDir), earlier, "a dry run erases nothing");
  const table = (await cli("--dry-run")).stdout;
  assert.match(table, /^invocations\t400\t\S+\t\S+\t--retention$/m);
  const day = `${ago(USAGE_KEPT_DAYS + 2).slice(0, 10)}T00:00:00.000Z`;
  assert.match(table, new RegExp(`^usage\t${OLD_USAGE}\t${day}\t${day}\t--usage-retention$`, "m"));
  await isRejectedBesidePurge(dataDir, cli);

  const erased = JSON.parse((await cli("--yes", "--json")).stdout);
  assert.deepEqual(counts(erased), expected);
  const later = rowsOf(dataDir);
  assert.equal(later.invocations, YOUNG + 1 + 1);
  assert.equal(later.invocation_logs, YOUNG);
  assert.equal(later.usage, Number(earlier.usage) - OLD_USAGE);
  assert.ok(Number(later.used_assertions) >= 1, "the young proof stays");
  assert.deepEqual(counts(ok(await client.post(PATH, { dryRun: true })).list), {});
  const operation = { operation: "invoked.RetentionService.PurgeExpired" };
  const found = await events(client, operation);
  assert.deepEqual(found.map(({ unmapped }) => unmapped.invocations), [OLD + FUNCTION_OLD]);
  await eventually(async () => {
    const { size: now } = await Deno.stat(`${dataDir}/invoked.db`);
    return now < size - OLD * LARGE.length / 2 || undefined;
  }, "a smaller database");
  const path = `/api/v1/vfs/volumes/${volumeId}/files/a.txt`;
  assert.equal((await client.get(path)).body, "three");
  await compacts(dataDir, server);
});

/** While a purge runs, nobody purges what has expired. */
async function isRejectedBesidePurge(
  dataDir: string,
  cli: (...args: string[]) => Promise<Run>,
): Promise<void> {
  const id = KSUID.randomSync().string;
  const inDatabase = (statement: string, ...values: string[]) => {
    using db = new DatabaseSync(`${dataDir}/invoked.db`);
    db.prepare(statement).run(...values);
  };
  inDatabase(
    `INSERT INTO purges (id, before, purged_at, purged_by, invocations, files, bytes)
      VALUES (?, ?, ?, 'Operator', 0, 0, 0)`,
    ...[id, ago(365), ago(0)],
  );
  const { code, stderr } = await cli("--yes");
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`Nothing was purged: purge ${id} of Operator is running; wait`));
  inDatabase("UPDATE purges SET finished_at = ? WHERE id = ?", ago(0), id);
}

/** A database of an earlier version gives space back once `invoked db compact` has rewritten it. */
async function compacts(dataDir: string, server: TestServer): Promise<void> {
  const compact = () => runInvoked(["db", "compact", "--data", dataDir]);
  const busy = await compact();
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /is in use by another server; stop that server/);
  await server.stop();
  const file = `${dataDir}/invoked.db`;
  {
    using db = new DatabaseSync(file);
    db.exec("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM");
    db.exec("CREATE TABLE filled (text TEXT)");
    const insert = db.prepare("INSERT INTO filled VALUES (?)");
    for (let n = 0; n < 200; n++) insert.run(LARGE);
    db.exec("DROP TABLE filled; PRAGMA journal_mode = WAL");
  }
  // What a crash has left.
  await Deno.writeTextFile(`${file}-compact`, "cut");
  const [rows, { size }] = [rowsOf(dataDir), await Deno.stat(file)];
  const { code, stdout, stderr } = await compact();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Compacted the database of .+ from [0-9,]+ KiB to [0-9,]+ KiB$/m);
  const after = await Deno.stat(file);
  assert.ok(after.size < size - 200 * LARGE.length / 2, `${size} to ${after.size}`);
  assert.equal((after.mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(rowsOf(dataDir), rows);
  using db = new DatabaseSync(file, { readOnly: true });
  assert.equal(db.prepare("PRAGMA auto_vacuum").get()?.auto_vacuum, 2);
  assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  assert.ok(!await Deno.stat(`${file}-compact`).then(() => true, () => false));
  await using again = await TestServer.start({ dataDir, flags: FLAGS });
  assert.deepEqual(counts(ok(await (await again.client()).post(PATH, { dryRun: true })).list), {});
}

Deno.test("a purge of expired data that SIGKILL interrupts loses nothing, and the next takes the rest", async () => {
  await using directory = await makeTempDir();
  const dataDir = `${directory.path}/data`;
  await expiredDirectory(directory.path);
  const earlier = rowsOf(dataDir);
  {
    await using server = await TestServer.start({ dataDir, flags: FLAGS });
    const purging = (await server.client()).post(PATH, {}).catch(() => undefined);
    await eventually(() =>
      (rowsOf(dataDir).invocations ?? 0) < (earlier.invocations ?? 0) || undefined
    );
    await server.stop("SIGKILL");
    await purging;
  }
  {
    using db = new DatabaseSync(`${dataDir}/invoked.db`, { readOnly: true });
    const orphans = db.prepare(
      "SELECT count(*) AS count FROM invocation_logs WHERE invocation_id NOT IN (SELECT id FROM invocations)",
    ).get();
    assert.equal(orphans?.count, 0);
  }
  const left = rowsOf(dataDir).invocations ?? 0;
  assert.ok(left > YOUNG + 2, "the kill came in the middle");
  await using server = await TestServer.start({ dataDir, flags: FLAGS });
  const client = await server.client();
  const expected = counts(ok(await client.post(PATH, { dryRun: true })).list);
  assert.equal(expected.invocations, left - YOUNG - 2);
  assert.deepEqual(counts(ok(await client.post(PATH, {})).list), expected);
  assert.equal(rowsOf(dataDir).invocations, YOUNG + 2);
});
