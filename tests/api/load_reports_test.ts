/** Reports on how the invocations of a commit start, and the setting `evaluation`. */
import assert from "node:assert/strict";
import { outputOf } from "../sdk/support.ts";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BUSY } from "../support/busy.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { MAIN, ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedSuite } from "../support/suite.ts";
import { takeMigrationsBack } from "../support/taken_back.ts";

const DRAWN = `${BUSY}
const seed = Math.random();
export default () => ({ seed, own: Math.random() });
`;

async function reportOf(client: Client, id: string, commit = "HEAD"): Promise<Json | undefined> {
  return ok(await client.get(`/api/v1/functions/${id}/commits/${commit}`)).loadReport;
}

/** The report once the server has run the module code. */
async function reported(client: Client, id: string): Promise<Json> {
  return await eventually(async () => {
    const report = await reportOf(client, id);
    return report?.state === "LOAD_STATE_REPORTED" ? report : undefined;
  }, "the report on a commit");
}

async function set(client: Client, id: string, evaluation: string): Promise<Json> {
  return ok(await client.update(id, { evaluation })).function;
}

sharedSuite("load reports", {
  "name what module code used, where, and what to write instead": async ({ client }) => {
    const id = await client.deploy(DRAWN);
    const { loadTime, readings, ...report } = await reported(client, id);
    assert.deepEqual(report, { state: "LOAD_STATE_REPORTED", start: "INVOCATION_START_LOAD" });
    assert.match(loadTime, /^\d+\.\d{3}s$/);
    assert.ok(Number(loadTime.slice(0, -1)) >= 0.001, loadTime);
    const [{ advice, ...reading }] = readings;
    assert.deepEqual([reading, readings.length], [
      { position: "main.ts:2", called: "Math.random" },
      1,
    ]);
    assert.match(advice, /in the handler/);
  },

  "distinguish a template, and code that needs none": async ({ client }) => {
    const slow = await client.deploy(`${BUSY}
${MAIN}`);
    const { start, readings, error } = await reported(client, slow);
    assert.deepEqual([start, readings, error], ["INVOCATION_START_TEMPLATE", [], undefined]);
    const fast = await reported(client, await client.deploy(MAIN));
    // On a busy machine it may take longer than a millisecond.
    assert.match(fast.start, /_(?:FAST|TEMPLATE)$/);
    assert.deepEqual(fast.readings, []);
  },

  "name what no setting changes": async ({ client }) => {
    const id = await client.deploy(`${BUSY}
setTimeout(() => {}, 1e9);\n${MAIN}`);
    const { start, error, advice } = await reported(client, id);
    assert.equal(start, "INVOCATION_START_LOAD");
    assert.match(error, /timer/);
    assert.match(advice, /in the handler/);
  },

  "are not part of a commit in lists, and go with a purge": async ({ client }) => {
    const id = await client.deploy(DRAWN);
    await reported(client, id);
    const path = `/api/v1/functions/${id}`;
    const { list: [commit] } = ok(await client.get(`${path}/commits`));
    assert.equal("loadReport" in commit, false);
    ok(await client.update(id, { publishedCommitId: "" }));
    ok(await client.post(`${path}/purge`, { commitId: commit.id, path: "main.ts" }));
    const left = ok(await client.get(`${path}/commits/${commit.id}?show_purged=true`));
    assert.equal("loadReport" in left, false);
  },

  "the setting evaluation is unset by default, and by its first value": async ({ client }) => {
    const { function: fn } = await client.createFunction("evaluated");
    assert.equal("evaluation" in fn, false);
    const { id } = fn;
    for (const value of ["EVALUATION_SHARED", "EVALUATION_PER_CALL"]) {
      assert.equal((await set(client, id, value)).evaluation, value);
    }
    // A client of C1 does not send the field.
    const { description, ...kept } = ok(await client.update(id, { description: "x" })).function;
    assert.deepEqual([description, kept.evaluation], ["x", "EVALUATION_PER_CALL"]);
    assert.equal("evaluation" in await set(client, id, "EVALUATION_UNSPECIFIED"), false);
    const rejected = await client.update(id, { evaluation: "SHARED" });
    assert.match(
      rejected.body.message,
      /function\.evaluation: must be one of EVALUATION_UNSPECIFIED, .*; it is "SHARED"/,
    );
    await set(client, id, "EVALUATION_SHARED");
    const { function: cleared } = ok(await client.update(id, { displayName: "x" }, "*"));
    assert.equal("evaluation" in cleared, false);
  },

  "SHARED invocations share what module code drew; those PER_CALL do not": async ({ client }) => {
    const id = await client.deploy(DRAWN);
    await set(client, id, "EVALUATION_SHARED");
    const shared = await eventually(async () => {
      const [one, other] = [await outputOf(client, id), await outputOf(client, id)];
      return one.seed === other.seed ? [one, other] : undefined;
    }, "invocations from a shared template");
    assert.notEqual(shared[0]?.own, shared[1]?.own);
    await set(client, id, "EVALUATION_PER_CALL");
    const seeds = new Set<number>();
    for (let n = 0; n < 8; n++) seeds.add((await outputOf(client, id)).seed);
    assert.equal(seeds.size, 8);
  },

  "a changed secret ends a shared template that has read it": async ({ client }) => {
    const id = await client.deploy(`import { functions } from "@c1/functions-sdk";
${BUSY}
const { secrets } = await functions.getConfig();
const seed = Math.random();
export default () => ({ seed, key: secrets.KEY });
`);
    const setKey = async (value: string) =>
      ok(await client.update(id, { secret: { KEY: value } }, "secret"));
    await setKey("first");
    await set(client, id, "EVALUATION_SHARED");
    const isShared = () =>
      eventually(async () => {
        const [one, other] = [await outputOf(client, id), await outputOf(client, id)];
        return one.seed === other.seed ? other : undefined;
      }, "invocations from a shared template");
    const first = await isShared();
    assert.equal(first.key, "first");
    await setKey("second");
    assert.equal((await outputOf(client, id)).key, "second", "at once");
    const second = await isShared();
    assert.equal(second.key, "second");
    assert.notEqual(second.seed, first.seed);
  },
});

Deno.test("reports outlive a crash; commits of an earlier version get one with their use", async () => {
  await using directory = await makeTempDir();
  const dataDir = join(directory.path, "data");
  const ids: string[] = [];
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    for (let n = 0; n < 2; n++) ids.push(await client.deploy(DRAWN));
    // The server waits for half a second before it runs the module code.
    await server.stop("SIGKILL");
  }
  const [published = "", invoked = ""] = ids;
  const file = join(dataDir, "invoked.db");
  {
    // Another version of the server knows other packages.
    using db = new DatabaseSync(file);
    const outdated = { version: "0.0.0", loadMs: 1, start: "fast", readings: [] };
    const update =
      "update commits set load_state = 'REPORTED', load_report = ? where function_id = ?";
    assert.equal(db.prepare(update).run(JSON.stringify(outdated), published).changes, 1);
  }
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    assert.equal((await reportOf(client, published))?.state, "LOAD_STATE_PENDING");
    for (const id of ids) assert.equal((await reported(client, id)).start, "INVOCATION_START_LOAD");
    await server.stop();
  }
  takeMigrationsBack(file, "042_load_reports");
  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  for (const id of ids) assert.equal(await reportOf(client, id), undefined);
  await outputOf(client, invoked);
  const { function: { head } } = ok(await client.publish(published, "HEAD"));
  for (const id of ids) {
    assert.equal((await reported(client, id)).readings[0].position, "main.ts:2");
  }
  // What the server notes of a commit is no change that the principal of a request made.
  const events = { resource: head, pageSize: 100 };
  const { list } = ok(await client.post("/api/v1/systemlog/events", events));
  const ofCommit = list.filter(({ resources }: Json) =>
    resources.some(({ type, uid }: Json) => type === "commit" && uid === head)
  );
  const operations = ofCommit.map(({ api }: Json) => api.operation);
  assert.deepEqual(operations, ["c1.api.functions.v1.FunctionsService.CreateFunction"]);
});
