/** Statistics count the invocations in the rows by steps of time, and by function. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Client, Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

const MOODY = `export default ({ fail }) => { if (fail) throw new Error("no"); return {}; };`;

async function statistics(client: Client, path: string, query: Json = {}): Promise<Json> {
  const body = ok(
    await client.get(
      `/api/v1/functions/${path}?${new URLSearchParams(query)}`,
    ),
  );
  return body;
}

/** Deploys a function, and invokes it `good` times with success and `bad` times with an error. */
async function called(client: Client, good: number, bad: number): Promise<string> {
  const id = await client.deploy(MOODY);
  for (let count = 0; count < good; count++) await client.invoke(id);
  for (let count = 0; count < bad; count++) await client.invoke(id, { fail: true });
  return id;
}

const sum = (list: Json[], of: (step: Json) => number | undefined) =>
  list.reduce((all, step) => all + (of(step) ?? 0), 0);

sharedSuite("statistics", {
  async "counts invocations, failures, durations and processor time"({ client }) {
    const id = await called(client, 3, 2);
    const { list } = await statistics(client, `${id}/statistics`);
    assert.equal(list.length, 60);
    assert.deepEqual([sum(list, ({ calls }) => calls), sum(list, (s) => s.failures.UNCAUGHT)], [
      5,
      2,
    ]);
    const last = list.findLast(({ calls }: Json) => calls > 0);
    for (const name of ["p50", "p99", "cpuTime"]) {
      assert.match(last[name], /^\d+\.\d{6}s$/);
      assert.ok(Number(last[name].slice(0, -1)) > 0, name);
    }
    assert.ok(parseFloat(last.p50) <= parseFloat(last.p99));
    const { calls, failures, cpuTime, p50 } = list[0];
    assert.deepEqual([calls, failures, cpuTime, p50], [0, {}, "0.000000s", undefined]);
  },
  async "orders functions, and has the steps of each"({ client }) {
    const often = await called(client, 4, 0);
    const badly = await called(client, 0, 3);
    const ids = `${often},${badly}`;
    const query = { by_function: "true", function_ids: ids, step: "3600s" };
    const { functions, list } = await statistics(client, "statistics", query);
    assert.equal(list, undefined);
    assert.deepEqual(functions.map(({ functionId }: Json) => functionId), [often, badly]);
    const [first, second] = functions;
    assert.deepEqual([first.calls, first.failures, first.displayName], [4, {}, "test"]);
    assert.deepEqual([second.calls, second.failures], [3, { UNCAUGHT: 3 }]);
    assert.equal(second.callsByStep.length, 24);
    assert.deepEqual(second.callsByStep, second.failuresByStep);
    assert.equal(sum(first.callsByStep, Number), 4);
    const order = { ...query, order_by: "STATISTICS_ORDER_FAILURES", limit: "1" };
    const { functions: worst } = await statistics(client, "statistics", order);
    assert.deepEqual(worst.map(({ functionId }: Json) => functionId), [badly]);
  },
  async "has the newest invocation of named functions, called in the time or not"({ client }) {
    const id = await called(client, 2, 0);
    const idle = await client.deploy(MOODY);
    const { list: [{ createdAt }] } =
      (await client.get(`/api/v1/functions/${id}/invocations`)).body;
    const named = { by_function: "true", function_ids: `${idle},${id},none` };
    const { functions } = await statistics(client, "statistics", named);
    assert.deepEqual(
      functions.map(({ functionId, calls, newestAt }: Json) => [functionId, calls, newestAt]),
      [[id, 2, createdAt], [idle, 0, undefined]],
    );
    const before = { since: "2020-01-01T00:00:00Z", until: "2020-01-02T00:00:00Z" };
    const { functions: then } = await statistics(client, "statistics", { ...named, ...before });
    assert.deepEqual(
      then.map(({ calls, newestAt }: Json) => [calls, newestAt]),
      [[0, undefined], [0, createdAt]],
    );
    const { functions: all } = await statistics(client, "statistics", { by_function: "true" });
    assert.ok(!all.some(({ functionId }: Json) => functionId === idle));
  },
  async "puts invocations into the step of their time"({ client, server }) {
    const id = await called(client, 2, 0);
    using db = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
    db.prepare("update invocations set duration_micros = 1000000 where function_id = ?").run(id);
    const { list: [{ createdAt }] } =
      (await client.get(`/api/v1/functions/${id}/invocations`)).body;
    const at = Math.floor(new Date(createdAt).getTime() / 1000) * 1000;
    const time = (ms: number) => new Date(at + ms).toISOString();
    const query = { since: time(-10_000), until: time(1000), step: "1s" };
    const { list } = await statistics(client, `${id}/statistics`, query);
    assert.deepEqual([list.length, list[0].start, list.at(-1).start], [11, time(-10_000), time(0)]);
    assert.ok(list.at(-1).calls >= 1);
    assert.ok(Math.abs(parseFloat(list.at(-1).p50) - 1) <= 0.05, list.at(-1).p50);
  },
  async "rejects times without steps, and with too many"({ client }) {
    const rejected = async (query: Json, message: RegExp) => {
      const answer = await client.get(`/api/v1/functions/statistics?${new URLSearchParams(query)}`);
      assert.equal(answer.status, 400);
      assert.match(answer.body.message, message);
    };
    await rejected({ step: "0.5s" }, /^step: 500 ms is not a whole number of seconds/);
    await rejected({ step: "1s" }, /^step: makes 86,400 steps, the limit is 1,000/);
    await rejected(
      { since: "2020-01-01T00:00:00Z" },
      /^since: is .* before until, the limit is 400 d/,
    );
    await rejected({ since: "2099-01-01T00:00:00Z" }, /^since: must be before until/);
    await rejected({ by_function: "true", limit: "101" }, /^limit: 101 is not between 1 and 100/);
    await rejected(
      { by_function: "perhaps" },
      /^by_function: must be one of true, false; it is "perhaps"/,
    );
    const unknown = await client.get("/api/v1/functions/none/statistics");
    assertError(unknown, "FUNCTION_NOT_FOUND", /none/);
  },
});
