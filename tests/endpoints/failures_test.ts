/** HTTP functions that answer with a status from 500 on: failures of which C1's status is SUCCESS. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertInvalid, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { type Preview, preview, recordOf, send } from "./support.ts";

/** Answers with the status that its path names; `throw` throws, `cut` breaks off after a head of 200. */
const ANY_STATUS = `export const fetch = (request: Request) => {
  const name = new URL(request.url).pathname.slice(1);
  if (name === "throw") throw new Error("no answer");
  if (name === "cut") {
    // A body that waits lets the head go first.
    return new Response(new ReadableStream({
      start(stream) { stream.enqueue(new Uint8Array(10)); },
      async pull() {
        await new Promise((resolve) => setTimeout(resolve, 100));
        throw new Error("no more");
      },
    }));
  }
  return new Response("answer", { status: Number(name) });
};
export default () => ({ a: 1 });`;

const SUCCESS = "FUNCTION_INVOCATION_STATUS_SUCCESS";
const ERROR = "FUNCTION_INVOCATION_STATUS_ERROR";
const PATHS = ["200", "404", "500", "503", "throw"];

/** Sends a request to each path of a function, and invokes it; returns the records by path. */
async function answered({ client }: Stage): Promise<[Preview, Record<string, Json>]> {
  const any = await preview(client, ANY_STATUS);
  const records: Record<string, Json> = {};
  for (const path of PATHS) {
    const response = await send(client, any, `/${path}`, { method: "POST", body: "asked" });
    await response.body?.cancel();
    records[path] = await recordOf(client, any, response);
  }
  const { invocationId } = ok(await client.invoke(any.functionId, {}, {}, { commitId: "HEAD" }));
  records["call"] = await client.ended(any.functionId, invocationId);
  return [any, records];
}

async function search(client: Client, id: string, filter: Json): Promise<Json[]> {
  return ok(await client.post(`/api/v1/functions/${id}/invocations/search`, filter)).list;
}

async function records(stage: Stage): Promise<void> {
  const { client } = stage;
  const [any, byPath] = await answered(stage);
  const { functionId } = any;
  assert.deepEqual(
    Object.entries(byPath).map(([path, { status, failure, http }]) => [
      path,
      status,
      failure,
      http
        ?.status,
    ]),
    [
      ["200", SUCCESS, undefined, 200],
      ["404", SUCCESS, undefined, 404],
      ["500", SUCCESS, "HTTP_5XX", 500],
      ["503", SUCCESS, "HTTP_5XX", 503],
      ["throw", ERROR, "UNCAUGHT", 500],
      ["call", SUCCESS, undefined, undefined],
    ],
  );
  const found = async (filter: Json, view?: string) => {
    const list = await search(client, functionId, { ...filter, view });
    const of = new Map(Object.entries(byPath).map(([path, { id }]) => [id, path]));
    return list.map(({ id }: Json) => of.get(id)).toReversed();
  };
  assert.deepEqual(await found({ failed: true }), ["500", "503", "throw"]);
  assert.deepEqual(await found({ failed: true }, "INVOCATION_VIEW_BASIC"), ["500", "503", "throw"]);
  assert.deepEqual(await found({ failed: false }), ["200", "404", "call"]);
  assert.deepEqual(await found({ errorWord: "HTTP_5XX" }), ["500", "503"]);
  assert.deepEqual(await found({ errorWord: "UNCAUGHT" }), ["throw"]);
  assert.deepEqual(await found({ errorWord: "HTTP_5XX", failed: false }), []);
  // C1's status is that of the record.
  assert.deepEqual(await found({ status: ERROR }), ["throw"]);
  assert.deepEqual(await found({ status: SUCCESS }), ["200", "404", "500", "503", "call"]);
  assert.deepEqual(await found({ status: SUCCESS, failed: true }), ["500", "503"]);
  const all = ok(
    await client.post("/api/v1/search/invocations", { functionIds: [functionId], failed: true }),
  );
  assert.equal(all.list.length, 3);
  const [basic] = await search(client, functionId, {
    idPrefix: byPath["500"]?.id,
    view: "INVOCATION_VIEW_BASIC",
  });
  const { method, path, status } = basic?.http ?? {};
  assert.deepEqual([method, path, status, basic?.failure], ["POST", "/500", 500, "HTTP_5XX"]);
  await countsOnce(client, functionId);
  await acts(client, functionId);
}

async function countsOnce(client: Client, functionId: string): Promise<void> {
  const failures = { HTTP_5XX: 2, UNCAUGHT: 1 };
  const { list } = ok(await client.get(`/api/v1/functions/${functionId}/statistics`));
  const last = list.findLast(({ calls }: Json) => calls > 0);
  assert.deepEqual([last.calls, last.failures], [6, failures]);
  const query = `by_function=true&function_ids=${functionId}&step=3600s`;
  const { functions: [counted] } = ok(await client.get(`/api/v1/functions/statistics?${query}`));
  assert.deepEqual([counted.calls, counted.failures], [6, failures]);
  assert.equal(counted.failuresByStep.reduce((sum: number, count: number) => sum + count), 3);
}

/** Requests have no input to replay, and those that ended cannot be cancelled. */
async function acts(client: Client, functionId: string): Promise<void> {
  const path = `/api/v1/functions/${functionId}/invocations`;
  const counted = async (filter: Json) =>
    ok(await client.post(`${path}/replay`, { filter, dryRun: true })).count;
  assert.deepEqual(
    [await counted({ failed: true }), await counted({ failed: false }), await counted({})],
    [0, 1, 1],
  );
  assertInvalid(await client.post(`${path}/cancel`, { filter: { failed: true } }), "filter.failed");
}

async function commands(stage: Stage): Promise<void> {
  const [{ functionId }, byPath] = await answered(stage);
  const run = async (...args: string[]) => {
    const env = { INVOKED_DATA: stage.server.dataDir };
    const { code, stdout, stderr } = await runInvoked(args, { env });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const history = async (...args: string[]) =>
    (await run("history", functionId, ...args)).trimEnd().split("\n")
      .map((line) => line.split("\t")).map((row) => [row[1], row[2], row.at(-1)]).toReversed();
  assert.deepEqual(await history("--status", "error"), [
    ["HTTP 500", "http", "POST /500 500"],
    ["HTTP 503", "http", "POST /503 503"],
    ["ERROR", "http", "POST /throw 500: UNCAUGHT: Error: no answer"],
  ]);
  assert.deepEqual(await history("--status", "success"), [
    ["SUCCESS", "http", "POST /200 200"],
    ["SUCCESS", "http", "POST /404 404"],
    ["SUCCESS", "api", '{"a":1}'],
  ]);
  assert.equal((await history()).length, 6);
  const failed = byPath["500"]?.id;
  const shown = await run("show", functionId, failed);
  assert.match(shown, /^status +SUCCESS$/m);
  assert.match(shown, /^request +POST \/500, 5 B of its body read$/m);
  assert.match(shown, /^answer +500, 6 B$/m);
  assert.match(shown, /^failure +HTTP_5XX$/m);
  const log = await run("logs", functionId, failed);
  assert.match(log, /error \[outcome\] HTTP 500 in [\d,]+ ms: POST \/500 500$/m);
  const line = JSON.parse(await run("logs", functionId, failed, "--json"));
  assert.deepEqual([line.status, line.failure, line.http.status], ["SUCCESS", "HTTP_5XX", 500]);
}

async function cutAnswers({ client }: Stage): Promise<void> {
  const any = await preview(client, ANY_STATUS);
  const response = await send(client, any, "/cut");
  await response.arrayBuffer().catch(() => "it is cut");
  const { status, failure, http } = await recordOf(client, any, response);
  assert.deepEqual([response.status, status, failure, http.status], [200, ERROR, "UNCAUGHT", 200]);
}

sharedSuite("an answer from 500 on is a failure", {
  "in the record, searches, statistics and what acts on many": records,
  "in the history, the log and the record that commands print": commands,
  "as an answer that breaks off is": cutAnswers,
});
