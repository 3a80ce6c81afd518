/** Purges across a crash, and retention. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import KSUID from "ksuid";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";

/** Enough for many steps. */
const INVOCATIONS = 2_000;
const LINES = 30;
/** Of the first invocation: more than a step erases. */
const MANY_LINES = 1_200;
const SWEEP = ["--retention-sweep", "50ms", "--invocation-timeout", "10m"];

/** Copies an invocation to many that ended just before it, each with a log. */
function giveHistory(database: string, template: Json): string[] {
  using db = new DatabaseSync(database);
  const columns = db.prepare("SELECT name FROM pragma_table_info('invocations')").all()
    .map(({ name }) => String(name)).filter((name) => name !== "id" && !name.endsWith("_at"));
  const insert = db.prepare(
    `INSERT INTO invocations (id, created_at, updated_at, ${columns})
      SELECT ?, ?, ?, ${columns} FROM invocations WHERE id = ?`,
  );
  const log = db.prepare(
    `WITH RECURSIVE lines (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM lines WHERE n < ?)
      INSERT INTO invocation_logs SELECT ?, n, ?, 'info', 'console', 'line ' || n FROM lines`,
  );
  const time = new Date(Date.parse(template.updatedAt) - 1).toISOString();
  const ids = Array.from({ length: INVOCATIONS }, (_, n) => {
    // The greatest ids of that second: after that of the function.
    const payload = Buffer.alloc(16, 0xff);
    payload.writeUInt32BE(n, 12);
    return KSUID.fromParts(Date.parse(time), payload).string;
  });
  db.exec("BEGIN");
  for (const id of ids) {
    insert.run(id, time, time, template.id);
    log.run(id === ids[0] ? MANY_LINES : LINES, id, time);
  }
  db.exec("COMMIT");
  return ids;
}

/** Adds an invocation of long ago, of another function. */
function giveOld(database: string, template: Json): void {
  using db = new DatabaseSync(database);
  const old = Date.parse("2026-01-01T00:00:00Z");
  const time = new Date(old).toISOString();
  const id = KSUID.fromParts(old, Buffer.alloc(16)).string;
  db.prepare(
    `INSERT INTO invocations (id, function_id, commit_id, principal_id, mode, status, input, created_at, updated_at)
      SELECT ?, id, head, '', 'sync', 'ERROR', '{}', ?, ? FROM functions WHERE id <> ? AND head IS NOT NULL LIMIT 1`,
  ).run(id, time, time, template.functionId);
}

function countIn(database: string, table: string): number {
  using db = new DatabaseSync(database, { readOnly: true });
  return Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
}

function blobPath(dataDir: string, content: string): string {
  const digest = digestOf(new TextEncoder().encode(content));
  return `${dataDir}/commit-blobs/${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** Leaves blobs as a crash does that comes before their erasure. */
function leaveBlobs(database: string, functionId: string, contents: readonly string[]): void {
  using db = new DatabaseSync(database);
  db.prepare(
    `INSERT INTO purges (id, function_id, path, purged_at, purged_by, invocations, files, bytes)
      VALUES (?, ?, 'main.ts', ?, 'Operator', 0, 1, 10)`,
  ).run(KSUID.randomSync().string, functionId, new Date().toISOString());
  const insert = db.prepare("INSERT INTO purged_blobs VALUES (?)");
  for (const content of contents) insert.run(digestOf(new TextEncoder().encode(content)));
}

/** The retention of a function erases what has ended, and leaves what runs and other functions. */
async function retention(client: Client): Promise<void> {
  const wait = "export default () => new Promise(() => setTimeout(() => {}, 1e6));";
  const [id, waiting, other] = [
    await client.deploy(MAIN),
    await client.deploy(wait),
    await client.deploy(MAIN),
  ];
  const running = ok(await client.invoke(waiting, {}, { prefer: "respond-async" })).invocationId;
  const kept = ok(await client.invoke(other)).invocationId;
  const ended = ok(await client.invoke(id)).invocationId;
  for (const each of [id, waiting]) {
    const body = { function: { id: each, retention: "1s" }, updateMask: "retention" };
    const { function: fn } = ok(await client.post("/api/v1/functions/update", body));
    assert.deepEqual([fn.retention, fn.effectiveLimits.retention], ["1s", "1s"]);
  }
  const read = (of: string, invocation: string) =>
    client.get(`/api/v1/functions/${of}/invocations/${invocation}`);
  const untilGone = (of: string, invocation: string) =>
    eventually(async () => {
      const answer = await read(of, invocation);
      return answer.status === 200 ? undefined : answer;
    });
  assertError(await untilGone(id, ended), "PURGED");
  assert.deepEqual(ok(await client.get(`/api/v1/functions/${id}/purges`)).list, []);
  ok(await read(waiting, running));
  ok(await client.post(`/api/v1/functions/${waiting}/invocations/${running}/cancel`));
  assertError(await untilGone(waiting, running), "PURGED");
  ok(await read(other, kept));
}

Deno.test("a purge that SIGKILL interrupts goes on after the next start", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = `${directory.path}/data`;
  const database = `${dataDir}/invoked.db`;
  let id: string;
  let ids: string[];
  let before: string;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    id = await client.deploy(MAIN);
    const { invocationId } = ok(await client.invoke(id));
    const last = await client.invocation(id, invocationId);
    await server.stop();
    ids = giveHistory(database, last);
    giveOld(database, last);
    before = last.updatedAt;
  }
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    const size = ok(
      await client.post(`/api/v1/functions/${id}/purge`, { before, dryRun: true }),
    );
    assert.equal(size.invocations, INVOCATIONS);
    const { commit } = ok(await client.commit(id, { "main.ts": `${MAIN}// purged\n` }));
    ok(await client.post(`/api/v1/functions/${id}/purge`, { commitId: commit.id }));
    const purging = client.post(`/api/v1/functions/${id}/purge`, { before })
      .then(() => assert.fail("the purge was not interrupted"), () => {});
    await eventually(() =>
      Promise.resolve(countIn(database, "invocations") < INVOCATIONS || undefined)
    );
    await server.stop("SIGKILL");
    await purging;
    assert.ok(countIn(database, "invocations") > 1, "the purge was over before the kill");
  }
  const abandoned = "export const leaked = 1;\n";
  await Deno.mkdir(blobPath(dataDir, abandoned).replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(blobPath(dataDir, abandoned), abandoned);
  leaveBlobs(database, id, [abandoned, MAIN]);

  const flags = [...SWEEP, "--retention", "30d"];
  await using server = await TestServer.start({ dataDir, flags });
  const client = await server.client();
  const { list } = await eventually(async () => {
    const page = ok(await client.get(`/api/v1/functions/${id}/purges`));
    return page.list.every((each: Json) => each.finishedAt !== undefined) ? page : undefined;
  });
  const total = list.find((each: Json) => each.before === before);
  assert.deepEqual([list.length, total.invocations], [3, INVOCATIONS]);
  await eventually(
    () => Promise.resolve(countIn(database, "invocations") === 1 || undefined),
    "the erasure of all but the invocation that ended later",
  );
  assert.equal(countIn(database, "invocation_logs"), 0);
  assertError(await client.get(`/api/v1/functions/${id}/invocations/${ids[0]}`), "PURGED");
  await assert.rejects(Deno.stat(blobPath(dataDir, abandoned)), Deno.errors.NotFound);
  assert.equal(await Deno.readTextFile(blobPath(dataDir, MAIN)), MAIN, "a commit references it");
  await eventually(() => {
    const left = countIn(database, "unindexed_invocations");
    return Promise.resolve(left === 1 || undefined);
  }, "the erasure from the index of searches");
  using index = new DatabaseSync(`${dataDir}/cache/search/index.db`, { readOnly: true });
  assert.equal(index.prepare("SELECT count(*) AS count FROM trigrams_docsize").get()?.count, 1);
  await t.step("retention erases what has ended of one function", () => retention(client));
  await server.stop();
  assert.doesNotMatch(await server.log, /"level":"ERROR"/, "nothing is missing");
});
